"""The release gate: load from the outside, judged by the objectives of the service. Nothing of the service is imported but them."""
