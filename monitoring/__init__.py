"""Monitoring as code: rules, alerts, routes and dashboards, built from the catalogue and the objectives of the service."""
