"""Several programs that save the clicks of one image at the same time lose none of them."""

from __future__ import annotations

import subprocess
import sys

from napari_htcell.annotations import Annotation

PROCESSES, CLICKS = 3, 12

CLICKING = """
import sys
import numpy as np
from napari_htcell.project import open_project
from napari_htcell.widgets import saving
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.picture import Picture
project, row = open_project(sys.argv[1]), float(sys.argv[2])
stamps, annotation = project.stamps("a.tif"), project.annotation("a.tif")
picture = Picture("a.tif", np.zeros((999, 999), np.uint8), pixel_size_um=1.0)
document = Document(picture, annotation, in_project=True)
document.stamps = stamps
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    document.add([100 * row, 30.0 * number])
    saving.save(project, document)
"""


def test_no_click_of_three_windows_is_lost(make_project):
    project = make_project(a=Annotation.empty())
    windows = [
        subprocess.Popen(
            [sys.executable, "-c", CLICKING, str(project.path), str(row), str(CLICKS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for row in range(PROCESSES)
    ]
    # All at once, once all are there.
    assert [one.stdout.readline() for one in windows] == ["ready\n"] * PROCESSES
    for one in windows:
        one.stdin.write("\n")
        one.stdin.flush()
    for one in windows:
        one.communicate()
        assert one.returncode == 0
    kept = {tuple(point) for point in project.annotation("a.tif").points.tolist()}
    assert kept == {
        (100.0 * row, 30.0 * number) for row in range(PROCESSES) for number in range(CLICKS)
    }
    assert not (project.path / ".htcell-open").exists()
