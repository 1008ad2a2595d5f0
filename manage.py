#!/usr/bin/env python
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from config.launch import manage
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error}: run `make setup`, then .venv/bin/python manage.py\n")
        sys.exit(2)
    manage(sys.argv)
