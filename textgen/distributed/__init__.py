"""Several processes, and several devices of one, that train one model together.

cluster.py       which processes there are to be, as a command or a launcher says
joining.py       how they find each other
communicator.py  how they exchange values
sharding.py      how devices share a batch
supervisor.py    a parent process that says how the one that trains ended
ray_launcher.py  starts the processes on the hosts of a Ray cluster
signals.py       the signals that end a program
"""
