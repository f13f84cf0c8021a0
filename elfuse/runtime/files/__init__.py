"""Open file descriptions by kind. Waiting for readiness is not their business."""
