"""The whole methods: those that are more than a direction times a step size, one file each."""
