"""Run a program of KCL with the library for Python, as its compiler is in no package registry: run_kcl.py FILE."""

import sys

from kcl_lib import api

made = api.API().exec_program(api.ExecProgramArgs(k_filename_list=[sys.argv[1]]))
if made.err_message:
    sys.exit(made.err_message)
sys.stdout.write(made.yaml_result)
