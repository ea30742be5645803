"""The symbolic room: states claims about Grad-CAM++ and proves them. Knows no tensor, model or verdict."""
