"""Draws a dashboard from its JSON with the data of a live Prometheus: one HTML file of our own SVG, or a PNG of it.

Grafana cannot run everywhere; its dashboards can be looked at everywhere. What is drawn says that it is not Grafana.
"""
