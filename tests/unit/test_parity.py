"""The parity script passes on the recorded files, and would not on others."""

import shutil

import parity
from published_model import REFERENCE
from safetensors.torch import load_file, save_file


def test_every_stage_is_within_its_tolerance(capsys):
    assert parity.main([str(REFERENCE)]) == 0
    printed = capsys.readouterr().out
    for stage in ("conditioning", "UNet", "latents", "mel", "waveform", "VAE moments"):
        assert stage in printed
    assert printed.splitlines()[-1] == "16 of 16 stages within tolerance"


def test_a_number_that_differs_is_over(tmp_path, capsys):
    folder = tmp_path / "other"
    shutil.copytree(REFERENCE, folder)
    (folder / "expected_base.safetensors").unlink()
    (folder / "expected_text.safetensors").unlink()
    expected = load_file(folder / "expected_pe.safetensors")
    expected["unet_out_t501"][0, 0, 0, 0] += 1e-3
    save_file(expected, folder / "expected_pe.safetensors")
    assert parity.main([str(folder)]) == 1
    rows = capsys.readouterr().out.splitlines()
    assert [row for row in rows if "OVER" in row] == [row for row in rows if "UNet" in row]


def test_the_published_frame_choice_drops_the_fraction_of_the_rate():
    assert parity.published_frame_indices(75, 25.0) == [0, 12, 25, 37, 50, 62]
    assert parity.published_frame_indices(90, 29.97) == parity.published_frame_indices(90, 29.0)
