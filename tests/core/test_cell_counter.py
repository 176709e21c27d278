"""Files of Fiji's Cell Counter, as its versions write them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_htcell.cell_counter import read_cell_counter
from napari_htcell.csvtable import PointsFileError

OLD = """<?xml version="1.0" encoding="UTF-8"?>
<CellCounter_Marker_File>
 <Image_Properties>
     <Image_Filename>{image}</Image_Filename>
 </Image_Properties>
 <Marker_Data>
     <Current_Type>1</Current_Type>
     <Marker_Type>
         <Type>1</Type>
         <Marker>
             <MarkerX>70</MarkerX>
             <MarkerY>50</MarkerY>
             <MarkerZ>1</MarkerZ>
         </Marker>
         <Marker>
             <MarkerX>3</MarkerX>
             <MarkerY>4</MarkerY>
             <MarkerZ>1</MarkerZ>
         </Marker>
     </Marker_Type>
     <Marker_Type>
         <Type>2</Type>
         <Name>mitotic</Name>
         <Marker>
             <MarkerX>7</MarkerX>
             <MarkerY>8</MarkerY>
             <MarkerZ>3</MarkerZ>
         </Marker>
     </Marker_Type>
     <Marker_Type>
         <Type>3</Type>
     </Marker_Type>
 </Marker_Data>
</CellCounter_Marker_File>
"""


def written(folder, text):
    path = folder / "CellCounter_a.xml"
    path.write_text(text, encoding="utf-8")
    return path


def test_types_and_slices(tmp_path):
    first, second = read_cell_counter(written(tmp_path, OLD.format(image="a &amp; b.tif")))
    assert (first.image, first.kind, first.title) == ("a & b.tif", "1", "Type 1")
    np.testing.assert_array_equal(first.points, [[0, 50, 70], [0, 4, 3]])
    assert (second.kind, second.title) == ("2", "mitotic")
    np.testing.assert_array_equal(second.points, [[2, 8, 7]])


def test_nothing_clicked(tmp_path):
    text = "<CellCounter_Marker_File><Marker_Data/></CellCounter_Marker_File>"
    (only,) = read_cell_counter(written(tmp_path, text))
    assert (only.image, only.points.shape) == ("", (0, 3))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<svg/>", "it starts with svg"),
        ("y,x\n1,2\n", "cannot be read as XML"),
        ("", "cannot be read as XML"),
        (OLD.replace("<MarkerX>70", "<MarkerX>far"), "type 1 has MarkerX 'far', not a number"),
        (OLD.replace("<MarkerY>8</MarkerY>", ""), "type 2 has MarkerY '', not a number"),
        (OLD.replace("UTF-8", "no-such"), "cannot be read as XML"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path, text, reason):
    path = written(tmp_path, text)
    with pytest.raises(PointsFileError) as caught:
        read_cell_counter(path)
    assert str(caught.value).startswith(str(path))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
