# Checks that a library defines nothing of Gloo: the wheel's own must be the only one in a program.
"""gloo_symbols_test.py LIBRARY: fails when its dynamic symbols name Gloo."""
import re
import subprocess
import sys


def defined_of_gloo(listing):
    """Lines of `nm -DC --defined-only` that name Gloo."""
    return [line for line in listing.splitlines() if re.search("gloo", line, re.IGNORECASE)]


def main():
    # What a visible copy of the header's inline class would look like.
    sample = "0000 V vtable for c10d::ProcessGroupGloo::GlooStore\n0000 T nearfar::join()"
    assert len(defined_of_gloo(sample)) == 1, "a weak symbol of Gloo is not noticed"
    listing = subprocess.run(["nm", "-DC", "--defined-only", sys.argv[1]], check=True,
                             capture_output=True, text=True).stdout
    assert "nearfar::join(" in listing, f"{sys.argv[1]} does not show what it defines"
    found = defined_of_gloo(listing)
    assert not found, f"{sys.argv[1]} defines\n" + "\n".join(found)


if __name__ == "__main__":
    main()
