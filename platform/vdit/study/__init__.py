"""From a YAML study to the plan of its distinct trials; imports neither torch nor ray."""
