"""The edge of a feature map, repeated; PyTorch's own says what comes of it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_htcell.edges import RepeatingConv2d, repeat_edge


def test_each_edge_and_corner_is_repeated():
    features = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert repeat_edge(features)[0, 0].tolist() == expected
    with torch.no_grad():
        assert repeat_edge(features)[0, 0].tolist() == expected


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 1, 4), (2, 3, 5, 7)])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_gradient_is_that_of_pytorchs_own(shape, order):
    features = torch.randn(shape, dtype=torch.float64).to(memory_format=order).requires_grad_()
    other = features.detach().clone().requires_grad_()
    ours, theirs = repeat_edge(features), functional.pad(other, (1, 1, 1, 1), mode="replicate")
    assert torch.equal(ours, theirs)
    weight = torch.randn(ours.shape, dtype=torch.float64)
    (ours * weight).sum().backward()
    (theirs * weight).sum().backward()
    torch.testing.assert_close(features.grad, other.grad)


def test_the_gradient_that_came_in_stays_as_it_is():
    features = torch.randn(1, 1, 3, 3, requires_grad=True)
    repeated = repeat_edge(features)
    gradient = torch.ones_like(repeated)
    repeated.backward(gradient)
    assert torch.equal(gradient, torch.ones_like(repeated))


def test_mixed_precision_stays_so():
    convolution = RepeatingConv2d(1, 2)
    with torch.autocast("cpu", torch.bfloat16):
        repeated = repeat_edge(torch.zeros(1, 1, 4, 4, dtype=torch.bfloat16))
        assert repeated.dtype == torch.bfloat16
        assert convolution(torch.zeros(1, 1, 4, 4)).shape == (1, 2, 4, 4)


def test_it_is_fused_with_the_normalisation_that_follows():
    convolution, normalisation = RepeatingConv2d(2, 3), torch.nn.BatchNorm2d(3)
    torch.nn.init.normal_(normalisation.running_mean)
    steps = torch.nn.Sequential(convolution, normalisation).eval()
    fused = fuse_conv_bn_eval(copy.deepcopy(convolution).eval(), normalisation.eval())
    features = torch.randn(1, 2, 6, 5)
    with torch.no_grad():
        torch.testing.assert_close(fused(features), steps(features))
