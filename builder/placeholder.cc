namespace builder {}
