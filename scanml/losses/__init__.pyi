from .detection import distribution_focal_loss, generalized_iou_loss, quality_focal_loss
from .multilabel import asymmetric_loss

__all__ = ["asymmetric_loss", "distribution_focal_loss", "generalized_iou_loss", "quality_focal_loss"]
