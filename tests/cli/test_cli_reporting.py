"""What a command shows of a job on the way."""

from __future__ import annotations

from napari_htcell.cli.reporting import Reporter
from napari_htcell.progress import Progress


def test_the_last_loss_of_a_part_is_shown_however_quick_it_was(capsys):
    def steps():
        yield Progress("learning", 1, 4, loss=0.5)
        yield Progress("learning", 2, 4, loss=0.125)
        yield Progress("checking", 3, 4)
        yield Progress("checking", 4, 4)
        return "a model"

    assert Reporter(shows_progress=True).follow(steps()) == "a model"
    shown = capsys.readouterr().err
    assert "learning  50%" in shown
    assert "loss 0.1250" in shown
    assert shown.index("loss 0.1250") < shown.index("checking")
    assert "checking 100%" in shown


def test_a_quiet_job_shows_nothing(capsys):
    def steps():
        yield Progress("learning", 1, 1, loss=0.5)
        return 3

    assert Reporter(is_quiet=True).follow(steps()) == 3
    assert capsys.readouterr() == ("", "")
