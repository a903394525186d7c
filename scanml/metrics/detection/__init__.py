"""Measures of object detection: COCO's AP and AR with resampling, and pairs of truth and detection."""
