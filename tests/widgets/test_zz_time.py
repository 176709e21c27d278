import time
from napari_htcell import learn, models
from napari_htcell.demo import complete_from_truth
from dataclasses import replace
from napari_htcell import versions
def test_t(tiny_project, tiny_model, monkeypatch):
    stages = tuple(replace(one, epochs=1, min_steps=400) for one in versions.VERSIONS["B"].stages)
    monkeypatch.setitem(versions.VERSIONS, "B", replace(versions.VERSIONS["B"], stages=stages))
    p=tiny_project(n_images=3, seed=2)
    complete_from_truth(p, p.images[1])
    t=time.time(); n=0
    for s in learn.fine_tune_steps(tiny_model, p):
        n+=1
        if n in (1,3,4,5,10,100,400): print(n, s.what, time.time()-t)
    print("end", time.time()-t)
