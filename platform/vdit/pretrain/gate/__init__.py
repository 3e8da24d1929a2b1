"""What a pretrained text-to-video backbone knows, row by row, before a study asks it anything (design of the miniature, controls)."""
