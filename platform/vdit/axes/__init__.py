"""What a study varies, one file per axis: `Level` (a type) and `apply(trial, level)`."""
