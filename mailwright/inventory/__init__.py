"""From the files of an inventory folder to the model, and back."""
