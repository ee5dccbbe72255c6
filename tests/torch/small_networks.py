"""Networks of the bench that are small enough to train in a test."""

TINY = "digits-mlp:hidden=1,width=5"
SMALL = (TINY, "digits-mlp:hidden=1,width=5,batch=none", "digits-cnn", "text-lstm:width=4")
SMALL += ("reverse-transformer:length=3,width=4", "pendulum:width=4,reuse=3")
