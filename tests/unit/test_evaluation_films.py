"""A folder of films measured: laws of the table, matching by name, and what is kept."""

import csv
import io
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_factory import film

from vtacli.errors import ConfigError, MediaError, WeightsMissing
from vtacli.evaluation.films.figure import clips_csv, figures_csv, markdown
from vtacli.evaluation.films.material import Clip, Ears, Heard, Seen, hear, noise_like
from vtacli.evaluation.films.pairs import find_pairs, read_captions
from vtacli.evaluation.films.reading import kept, made_sound, own_sound, see, seen_arrays, seen_of
from vtacli.evaluation.films.score import figures_of
from vtacli.evaluation.films.sets import around
from vtacli.evaluation.films.synchrony import LEFT_OUT
from vtacli.evaluation.films.words import WordSpace
from vtacli.evaluation.listeners import YamnetListener, open_listener
from vtacli.evaluation.metrics.frechet import frechet_distance
from vtacli.evaluation.metrics.levels import Levels
from vtacli.evaluation.metrics.words import tag_similarity
from vtacli.media.flow import flow_of
from vtacli.media.probe import probe
from vtacli.signal.media import Audio

WEIGHTS = Path(__file__).parents[2] / "weights"


class Named:
    name, about = "toy", "a toy"

    def listen(self, sound):
        raise AssertionError("nothing is to be listened to")


EARS = Ears(Named())


def heard(seed: int, onsets=()) -> Heard:
    rng = np.random.default_rng(seed)
    middle = rng.normal(0, 2, 8)
    logits = rng.normal(0, 2, (1, 5)) + rng.normal(0, 0.1, (6, 5))
    classes = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    onsets = np.array(onsets, np.float64)
    return Heard(
        Levels(-23.0 - seed % 5, -25.0, -3.0, 0.1),
        onsets,
        onsets,
        middle + rng.normal(0, 0.3, (6, 8)),
        classes,
    )


def clip(number: int, made: Heard | None = None, **more) -> Clip:
    onsets = [0.5 + 0.37 * number, 2.9 - 0.23 * number, 3.1 + 0.1 * number]
    true = heard(number, sorted(onsets))
    flow = np.zeros(100)
    flow[[round(t * 25) for t in onsets]] = 2.0
    seen = Seen(4.0, 25.0, np.array(sorted(onsets)), flow)
    given = {"hits_s": tuple(sorted(onsets)), "true": true, "noise": heard(1000 + number), **more}
    return Clip(f"clip {number}", seen, made or true, **given)


def by_key(figures):
    return {f.key: f for f in figures}


def test_true_sound_itself_is_perfect_and_that_of_other_films_is_not():
    figures = by_key(figures_of([clip(i) for i in range(6)], EARS))
    for key in ("fad", "kl", "embedding_distance", "loudness_off"):
        assert figures[key].made.value == pytest.approx(0, abs=1e-6), key
    for key in ("onset_f1_hits", "onset_f1_true", "av_align_vta", "av_align_paper"):
        assert figures[key].made.value == pytest.approx(1), key
        assert figures[key].ceiling is None or figures[key].ceiling.value < 0.6, key
    assert figures["kl"].ceiling.value > 10 * figures["kl"].floor.value
    # an unbiased estimate of nothing at all, against the same rows
    assert figures["kid"].made.value < figures["kid"].ceiling.value
    assert figures["fad_halves"].floor.value == pytest.approx(figures["fad_halves"].made.value)
    assert figures["is"].made.value == figures["is"].floor.value


def test_the_order_of_clips_does_not_matter():
    clips = [clip(i, heard(50 + i, [1.0, 2.0])) for i in range(5)]
    one, other = (by_key(figures_of(c, EARS)) for c in (clips, clips[::-1]))
    for key in one:
        if not key.endswith("halves"):  # random halves are of other clips then
            assert one[key].made.value == pytest.approx(other[key].made.value), key


def bound(numbers, sound_of) -> list[Clip]:
    """Clips with a place of their own in a space, whose sound lies at that of ``sound_of``."""
    found = []
    for number in numbers:
        plain, at = clip(number), np.eye(6)
        own = replace(plain.true, bound=at[sound_of(number)])
        seen = replace(plain.seen, bound=3.0 * at[number])
        found.append(replace(plain, seen=seen, made=own, true=replace(own, bound=at[number])))
    return found


def test_the_ib_score_is_of_a_film_with_its_own_sound():
    ears = replace(EARS, binder=object())
    fits = by_key(figures_of(bound(range(6), lambda n: n), ears))["ib_score"]
    assert (fits.made.value, fits.floor.value, fits.ceiling.value) == pytest.approx((1, 1, 0))
    wrong = by_key(figures_of(bound(range(6), lambda n: (n + 1) % 6), ears))["ib_score"]
    assert (wrong.made.value, wrong.floor.value) == pytest.approx((0, 1))
    assert wrong.ceiling.value > 0.1  # among the others' is its own
    turned = by_key(figures_of(bound(reversed(range(6)), lambda n: n % 3), ears))["ib_score"]
    plain = by_key(figures_of(bound(range(6), lambda n: n % 3), ears))["ib_score"]
    assert turned.made.value == plain.made.value == 0.5
    assert turned.per_clip == plain.per_clip
    some = bound(range(6), lambda n: n)
    some[0] = replace(some[0], seen=replace(some[0].seen, bound=None))
    assert by_key(figures_of(some, ears))["ib_score"].made.units == 5
    assert "ib_score" not in by_key(figures_of(some, EARS))


def test_what_a_clip_lacks_it_takes_no_part_in():
    clips = [clip(0), clip(1, hits_s=None), clip(2, heard(7, [1.0]), true=None, noise=None)]
    figures = by_key(figures_of(clips, EARS))
    assert figures["onset_f1_hits"].made.units == 2
    assert figures["kl"].made.units == 2
    assert figures["loudness"].made.units == 3
    assert figures["is"].made.units == 3
    assert "clip 2" not in figures["kl"].per_clip
    assert "tags_to_words" not in figures
    alone = by_key(figures_of(clips[2:], EARS))
    assert not {"fad", "kid", "kl"} & set(alone)
    assert alone["av_align_vta"].ceiling is None


def test_silence_is_far_from_everything():
    silent = Heard(
        Levels(-math.inf, -math.inf, -math.inf, 1.0), np.zeros(0), np.zeros(0), np.zeros((0, 8)),
        np.full((6, 5), 0.2),
    )  # fmt: skip
    figures = by_key(figures_of([clip(i, silent) for i in range(4)], EARS))
    assert figures["embedding_distance"].made.value == 1
    assert figures["onset_f1_hits"].made.value == 0
    assert figures["silent_share"].made.value == 1
    assert "loudness" not in figures  # silence has none
    assert figures["fad"].to_dict()["value"] is None  # no set, no distance: said, not invented


def test_the_interval_lies_around_the_value():
    rng = np.random.default_rng(0)
    rows = [rng.normal(0, 1, (5, 6)) for _ in range(8)]
    other = [rng.normal(0.5, 1, (5, 6)) for _ in range(8)]

    def statistic(at):
        return frechet_distance(*(np.concatenate([r[i] for i in at]) for r in (rows, other)))

    found = around(8, statistic, 200, 0)
    assert found.low < found.value < found.high
    assert around(8, statistic, 200, 0) == found
    assert around(2, statistic, 50, 0).low is None


def test_the_table_in_every_form():
    figures = figures_of([clip(i, heard(50 + i, [1.0])) for i in range(5)], EARS)
    rows = list(csv.DictReader(io.StringIO(figures_csv(figures))))
    assert [r["key"] for r in rows] == [f.key for f in figures]
    assert float(rows[0]["value"]) == pytest.approx(figures[0].made.value)
    assert float(rows[0]["low"]) < float(rows[0]["high"])
    table = markdown(figures)
    assert len(table.splitlines()) == len(figures) + 2
    assert "FAD (toy) ↓" in table
    names = [f"clip {i}" for i in range(5)]
    per_clip = list(csv.DictReader(io.StringIO(clips_csv(names, figures))))
    assert [r["clip"] for r in per_clip] == names
    mean = np.mean([float(r["kl"]) for r in per_clip])
    assert mean == pytest.approx(by_key(figures)["kl"].made.value, rel=1e-5)


def test_sounds_find_their_films_by_name(tmp_path):
    films, made, hits = (tmp_path / n for n in ("films", "made", "hits"))
    for folder, names in (
        (films, ("a.mp4", "b.mov", "c.mkv", "notes.txt")),
        (made, ("a.wav", "b.dubbed.mp4", "z.flac", "c.txt")),
        (hits, ("a.csv", "y.txt")),
    ):
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    words = tmp_path / "words.csv"
    words.write_text("film,caption\na.mp4,rain\nb,a bell\nq,nothing\n")
    pairs, left_out = find_pairs(films, made, hits, words)
    assert [(p.name, p.made.name, p.caption) for p in pairs] == [
        ("a", "a.wav", "rain"), ("b", "b.dubbed.mp4", "a bell"),
    ]  # fmt: skip
    assert pairs[0].hits == hits / "a.csv"
    told = " ".join(left_out)
    for name in ("c.mkv", "z.flac", "y", "q"):
        assert name in told
    assert len(find_pairs(films)[0]) == 3

    (made / "a.flac").touch()
    with pytest.raises(ConfigError, match=r"a\.flac and a\.wav"):
        find_pairs(films, made)
    with pytest.raises(ConfigError, match="no such folder"):
        find_pairs(films, tmp_path / "nowhere")
    (films / "a.mov").touch()
    with pytest.raises(ConfigError, match="two films"):
        find_pairs(films)
    with pytest.raises(ConfigError, match="has the name"):
        find_pairs(made, hits)


@pytest.mark.parametrize("text", ["film,caption\na,\n", "film,caption\n", "name,words\na,b\n"])
def test_captions_that_are_none(tmp_path, text):
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(ConfigError):
        read_captions(tmp_path / "w.csv")


def test_a_film_is_seen_and_heard_up_to_a_time(tmp_path):
    path = film(tmp_path / "f.mp4", seconds=2, sound=True)
    footage = probe(path)
    seen = see(footage, Fraction(1), flow_side_px=90)
    assert seen.duration_s == 1
    assert len(seen.flow_px) == 25
    again = seen_of(kept(tmp_path / "seen.npz", lambda: seen_arrays(seen)))
    assert np.array_equal(again.flow_px, seen.flow_px)
    assert (again.duration_s, again.motion, again.cuts_s) == (1.0, seen.motion, seen.cuts_s)
    assert see(footage, Fraction(1), flow_side_px=None).flow_px is None

    sound = own_sound(footage, Fraction(1))
    assert (sound.channels, len(sound)) == (2, 48_000)
    longer, seconds = made_sound(path, Fraction(3))
    assert len(longer) == 3 * 48_000
    assert seconds == pytest.approx(2, abs=0.01)
    assert not longer.data[:, 2 * 48_000 + 1000 :].any()
    assert own_sound(probe(film(tmp_path / "silent.mp4", seconds=1)), Fraction(1)) is None


def test_flow_shrinks_with_the_picture_and_needs_two(tmp_path):
    footage = probe(film(tmp_path / "f.mp4", seconds=0.4))
    whole, half = (flow_of(footage, shorter_side_px=s) for s in (None, 90))
    assert len(whole) == len(half) == 10
    assert whole[0] == whole[1]
    assert 0.3 < half.mean() / whole.mean() < 0.8
    with pytest.raises(MediaError, match="two pictures"):
        flow_of(footage, Fraction(1, 50))


def test_what_is_kept_is_made_again_where_it_is_broken(tmp_path):
    path, made = tmp_path / "x" / "kept.npz", []

    def make():
        made.append(1)
        return {"a": np.arange(3)}

    for _ in range(2):
        assert kept(path, make)["a"].tolist() == [0, 1, 2]
    assert len(made) == 1
    path.write_bytes(path.read_bytes()[:40])
    assert kept(path, make)["a"].tolist() == [0, 1, 2]
    assert len(made) == 2


@pytest.fixture(scope="module")
def yamnet():
    return YamnetListener(WEIGHTS / "yamnet")


def test_yamnet_hears_silence_as_a_class_and_not_as_a_place(yamnet):
    rng = np.random.default_rng(0)
    wave = np.zeros((1, 64_000), np.float32)
    wave[:, :32_000] = rng.normal(0, 0.1, 32_000)
    listened = yamnet.listen(Audio(wave, 16_000))
    assert listened.classes.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert 0 < len(listened.embeddings) < len(listened.classes)
    assert yamnet.names[int(listened.classes[-1].argmax())] == "Silence"
    assert not len(yamnet.listen(Audio(np.zeros((2, 44_100), np.float32), 44_100)).embeddings)

    ears = Ears(yamnet, yamnet)
    sound = hear(Audio(wave, 16_000), ears)
    again = Heard.of_arrays(sound.to_arrays())
    assert again.levels == sound.levels
    for name in ("onsets_s", "peaks_s", "embeddings", "classes", "tags"):
        np.testing.assert_allclose(getattr(again, name), getattr(sound, name), atol=1e-6)
    noise = noise_like(Audio(wave, 16_000), 0)
    assert np.sqrt(np.mean(noise.data**2)) == pytest.approx(np.sqrt(np.mean(wave**2)), rel=0.02)


def test_tags_meet_words_in_the_text_space(yamnet):
    space = WordSpace.of_model(WEIGHTS / "vta-mini", yamnet.names)
    scores = np.full(521, 0.001)
    scores[[yamnet.names.index(n) for n in ("Rain", "Raindrop", "Rain on surface")]] = 0.8
    close, far = (
        tag_similarity(scores, space.class_points, space.point(p))
        for p in ("rain on a window", "a dog barks")
    )
    assert close > 0.5 > far + 0.2
    assert math.isnan(tag_similarity(scores, space.class_points, np.zeros(len(space.point("x")))))


def test_a_listener_that_is_not_there():
    with pytest.raises(ConfigError, match="no listener"):
        open_listener("bat", None)
    with pytest.raises(WeightsMissing, match="shelf"):
        open_listener("yamnet", None)


def test_a_film_that_cannot_be_read_is_left_out_and_named(tmp_path, yamnet):
    from vtacli.evaluation.films.run import FilmSettings, evaluate_films
    from vtacli.progress import ignore

    films, made = tmp_path / "films", tmp_path / "made"
    for folder in (films, made):
        folder.mkdir()
    film(films / "good.mp4", seconds=1, sound=True)
    (films / "broken.mp4").write_bytes(b"no film")
    for name in ("good", "broken"):
        film(made / f"{name}.mp4", seconds=1, sound=True)
    pairs, _ = find_pairs(films, made)
    settings = FilmSettings(seconds=1, flow_side_px=None)
    ears = Ears(yamnet, left_out=(LEFT_OUT,))
    scores = evaluate_films(pairs, ears, None, settings, tmp_path / "out", ignore)
    assert [c.name for c in scores.clips] == ["good"]
    assert "broken.mp4" in scores.left_out[0]
    # the same sound: no distance, no difference in loudness
    figures = by_key(scores.figures)
    assert figures["kl"].made.value == pytest.approx(0, abs=1e-6)
    assert figures["loudness_off"].made.value == 0
    assert "av_align_paper" not in figures
    assert "DeSync is left out" in (tmp_path / "out" / "index.html").read_text()
    with pytest.raises(ConfigError, match="No film is left"):
        evaluate_films(pairs[:1], Ears(yamnet), None, settings, tmp_path / "out", ignore)
