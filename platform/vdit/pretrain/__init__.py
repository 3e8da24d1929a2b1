"""`vdit pretrain`: a miniature text-to-video model and its companions, trained on the miniature world from a recipe."""
