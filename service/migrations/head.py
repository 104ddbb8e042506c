"""The revision this build needs; a test holds it equal to the newest file in `versions/`."""

HEAD = "0013"
