namespace policy {}
