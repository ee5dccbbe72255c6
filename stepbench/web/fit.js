// Make the frame 4:3, the shape of its window, so that both axes have one scale.
figure.height = Math.round(figure.inner_width * 0.75) + figure.outer_height - figure.inner_height
