"""What happens between the steps of a training: saving, checkpoints, patience, samples, logs."""
