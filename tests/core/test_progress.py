from acinus.core.progress import SilentProgress


def test_silence_says_nothing(capsys):
    with SilentProgress().task("Mining", total=2) as advance:
        advance()
        advance("loss 0.5")
    assert capsys.readouterr() == ("", "")
