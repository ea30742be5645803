"""Which formula do the libraries that call themselves Grad-CAM++ compute? They are asked, unmodified."""
