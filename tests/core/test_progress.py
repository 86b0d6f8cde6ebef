from acinus.core.progress import SilentProgress, timed


def test_silence_says_nothing(capsys):
    with SilentProgress().task("Mining", total=2) as advance:
        advance()
        advance("loss 0.5")
    assert capsys.readouterr() == ("", "")


def test_the_time_of_a_block_is_noted_under_its_name(monkeypatch):
    clock = iter([10.0, 12.5])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    seconds = {"read": 1.0}
    with timed(seconds, "write"):
        pass
    assert seconds == {"read": 1.0, "write": 2.5}
