"""vdit: ablation studies of frozen text-to-video diffusion features for referring video object segmentation."""

__version__ = "0.1.0"
