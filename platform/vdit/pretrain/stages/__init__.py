"""The stages of a pretraining, one file each; vdit/pretrain/graph.py says which needs which."""
