"""The picture of compression: bits per image against PSNR."""

from tinyae.plots.common import CLASS_COLOURS, Figure

LINES = ("-", "--", "-.", (0, (4, 1, 1, 1, 1, 1)), ":")
MARKERS = "osD^v"


def rate_distortion(curves, title, estimates=(), lossless=None):
    """Curves of bits per image (logarithmic) against PSNR in dB.

    Parameters
    ----------
    curves : dict
        Name -> list of dict with `bits` and `psnr`.
    title : str
    estimates : sequence of str
        Curves whose bits are an entropy; the legend says so.
    lossless : dict, optional
        Name -> bits per image of formats without any error; they stand in the title's second line.
    """
    figure = Figure(figsize=(7.4, 5.2), layout="constrained")
    axis = figure.subplots()
    for number, (name, points) in enumerate(curves.items()):
        label = f"{name} (estimated bits)" if name in estimates else name
        axis.plot(
            [point["bits"] for point in points], [point["psnr"] for point in points], linestyle=LINES[number % 5],
            marker=MARKERS[number % 5], markersize=3.5, color=CLASS_COLOURS[number], label=label,
            linewidth=2.2 if number == 0 else 1.3, zorder=len(curves) - number + 2,
        )  # fmt: skip
    axis.set_xscale("log", base=2)
    low, high = (f(p["bits"] for points in curves.values() for p in points) for f in (min, max))
    ticks = [bits for bits in (2**k * m for k in range(20) for m in (1, 1.5)) if max(low, 4) <= bits <= high]
    axis.set_xticks(ticks, [f"{bits:g}" for bits in ticks])
    axis.minorticks_off()
    axis.set_xlim(max(low, 4) / 1.1, high * 1.1)
    axis.set_xlabel("bits per image (logarithmic)")
    axis.set_ylabel("PSNR of the mean squared error, dB")
    axis.grid(alpha=0.25)
    axis.legend(fontsize=9)
    below = ", ".join(f"{name} {bits:,.0f}" for name, bits in (lossless or {}).items() if bits is not None)
    axis.set_title(f"{title}\nwithout loss, bits per image: {below}" if below else title, fontsize=11)
    return figure
