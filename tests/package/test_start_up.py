"""The start-up of a command imports only what it needs."""

import subprocess
import sys


def test_start_up_imports_only_what_the_command_needs():
    look = "import sys; from stepbench import cli\ntry: cli.main({args})\nexcept SystemExit: pass\nprint(*sys.modules)"
    heavy = {"numpy", "scipy", "matplotlib", "torch", "PEPit", "cvxpy"}
    for args, allowed in ((["--help"], set()), (["run", "quadratic", "--budget", "9"], {"numpy"})):
        out = subprocess.run([sys.executable, "-c", look.format(args=args)], capture_output=True, text=True, check=True)
        assert heavy & set(out.stdout.splitlines()[-1].split()) == allowed
