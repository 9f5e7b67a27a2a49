"""Writes the reference values of the f64 tests into its own folder, one file per function.

A line contains an argument, the f64 nearest to the result (both as hexadecimal bits), and the
difference of the true result from it, in 1/256 of a unit in the last place. Needs mpmath 1.3.0.
"""

import math
import pathlib
import random
import struct

import mpmath
from mpmath import mp, mpf

assert mpmath.__version__ == "1.3.0"
# Enough digits for the largest f64 modulo pi.
mp.prec = 1400
HERE = pathlib.Path(__file__).parent
LN2 = math.log(2)
TRIG_LIMIT = 2.0**30


def bits(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def nearest(value):
    """Returns the nearest f64, subnormals included, and the rest in 1/256 ULP."""
    exponent = max(mpmath.frexp(value)[1], -1021) - 53
    units = mpmath.ldexp(value, -exponent)
    whole = mpmath.nint(units)
    high = math.ldexp(int(whole), exponent)
    return high, int(mpmath.nint((units - whole) * 256))


def write(name, function, arguments):
    lines = []
    for x in sorted(set(arguments)):
        value = function(mpf(x))
        if value != 0 and abs(value) < mpf(2) ** 1024 * (1 - mpf(2) ** -54):
            high, rest = nearest(value)
            lines.append(f"{bits(x):016x} {bits(high):016x} {rest}\n")
    (HERE / f"{name}.txt").write_text("".join(lines))
    print(name, len(lines))


def uniform(source, count, low, high):
    return [source.uniform(low, high) for _ in range(count)]


def logarithmic(source, count, low, high, both_signs=True):
    """Draws numbers whose magnitudes are between 2^low and 2^high."""
    signs = (-1, 1) if both_signs else (1,)
    return [
        source.choice(signs) * math.ldexp(source.uniform(1, 2), int(source.uniform(low, high)))
        for _ in range(count)
    ]


def around(points, steps=4):
    found = []
    for point in points:
        up = down = point
        for _ in range(steps):
            up, down = math.nextafter(up, math.inf), math.nextafter(down, -math.inf)
            found += [up, down]
        found.append(point)
    return found


def closest_to_quarters(parity):
    """Returns the f64 closest to a multiple of pi/2 of that parity, by binade.

    All binades up to the limit are searched, and some above it.
    """
    found = []
    for exponent in [*range(-52, 30 - 52), *range(30 - 52, 1024 - 52, 9), 797]:
        target = mpmath.ldexp(mpmath.pi / 2, -exponent)
        best = None
        # The convergents of pi/2 as a continued fraction, and their multiples, are the closest.
        h, k, rest = (1, 0), (0, 1), target
        while h[0] < 2**53:
            whole = int(mpmath.floor(rest))
            h, k = (whole * h[0] + h[1], h[0]), (whole * k[0] + k[1], k[0])
            if 0 < h[0] < 2**53 and k[0] > 0:
                for times in range(1, 2**53 // h[0] + 1 if h[0] > 2**45 else 2):
                    if h[0] * times >= 2**52 and (k[0] * times) % 2 == parity:
                        distance = abs(h[0] * times - k[0] * times * target)
                        if best is None or distance < best[0]:
                            best = (distance, h[0] * times)
            rest = 1 / (rest - whole)
        if best:
            found.append(math.ldexp(best[1], exponent))
    return found + [-x for x in found]


def main():
    source = random.Random(20240601)
    thresholds = [(n + 0.5) * LN2 for n in range(-30, 30)]
    tiny = logarithmic(source, 30, -1074, -50)

    write("exp", mpmath.exp,
          uniform(source, 120, -745, 709.7) + uniform(source, 80, -2, 2) + thresholds
          + uniform(source, 40, -745.1, -708) + logarithmic(source, 60, -56, 9)
          + around([709.782712893384, -708.3964185322641, -745.1332191019411, 1.0, -1.0]))
    write("exp_m1", mpmath.expm1,
          uniform(source, 60, -40, 709.7) + uniform(source, 120, -2, 2) + thresholds
          + logarithmic(source, 100, -60, 6) + tiny + around([LN2 / 2, -LN2 / 2, 709.782712893384]))
    write("ln", mpmath.log,
          uniform(source, 120, 0.5, 2) + logarithmic(source, 120, -1074, 1024, False)
          + [1 + x for x in logarithmic(source, 80, -52, -2)] + uniform(source, 40, 0, 100)
          + around([math.sqrt(0.5), math.sqrt(2), 1.0, 2.2250738585072014e-308]))
    write("ln_1p", mpmath.log1p,
          uniform(source, 120, -1, 2) + logarithmic(source, 60, 0, 1024, False)
          + [-1 + x for x in logarithmic(source, 40, -53, -1, False)]
          + logarithmic(source, 120, -60, -1) + tiny
          + around([math.sqrt(0.5) - 1, math.sqrt(2) - 1, 1.0]))
    write("tanh", mpmath.tanh,
          uniform(source, 150, -1.5, 1.5) + uniform(source, 100, -20, 20)
          + logarithmic(source, 100, -60, 4) + tiny + around([0.625, -0.625, 19.06]))
    write("sigmoid", lambda x: 1 / (1 + mpmath.exp(-x)),
          uniform(source, 100, -745, 0) + uniform(source, 120, -5, 5)
          + uniform(source, 100, -45, 45) + logarithmic(source, 60, -60, 9) + thresholds
          + around([-708.3964185322641, -745.1332191019411, -36.7368005696771]))
    write("erf", mpmath.erf,
          uniform(source, 160, -2, 2) + uniform(source, 100, -6, 6)
          + logarithmic(source, 100, -60, 3) + tiny + around([1.0, -1.0, 5.9, 6.0]))
    # A separate source, so that the arguments of the other functions do not change.
    own = random.Random(20240602)
    write("erfc", mpmath.erfc,
          uniform(own, 200, -2, 3) + uniform(own, 120, 0, 27.2) + uniform(own, 40, -6, 0)
          + logarithmic(own, 60, -60, 2) + around([0.0, 1.0, 4.0, 26.5432, 27.2260172]))
    trig = (uniform(source, 120, -math.pi, math.pi) + uniform(source, 60, -1e3, 1e3)
            + uniform(source, 60, -TRIG_LIMIT, TRIG_LIMIT) + logarithmic(source, 80, -40, 29))
    trig += logarithmic(own, 120, 30, 1024) + around([2.0**1023, 1.7976931348623155e308], 1)
    write("sin", mpmath.sin,
          trig + closest_to_quarters(0) + tiny + around([math.pi / 2, math.pi, TRIG_LIMIT], 2))
    write("cos", mpmath.cos,
          trig + closest_to_quarters(1) + around([math.pi / 2, math.pi, TRIG_LIMIT], 2))
    for name, function in (("log2", lambda x: mpmath.log(x, 2)), ("log10", mpmath.log10)):
        write(name, function,
              uniform(own, 120, 0.5, 2) + logarithmic(own, 120, -1074, 1024, False)
              + [1 + x for x in logarithmic(own, 80, -52, -2)] + uniform(own, 40, 0, 100)
              + around([math.sqrt(0.5), math.sqrt(2), 2.0, 10.0, 2.2250738585072014e-308]))
    write("exp2", lambda x: mpf(2) ** x,
          uniform(own, 120, -1074, 1024) + uniform(own, 120, -2, 2) + logarithmic(own, 60, -56, 9)
          + [n + 0.5 for n in range(-30, 30)] + around([1024.0, -1022.0, -1074.0, 1.0, -1.0]))
    hyperbolic = (uniform(own, 120, -2, 2) + uniform(own, 80, -30, 30)
                  + uniform(own, 60, -710.4, 710.4) + logarithmic(own, 60, -60, 9)
                  + around([1.0, -1.0, 709.782712893384, 710.4758600739439]))
    write("sinh", mpmath.sinh, hyperbolic + tiny)
    write("cosh", mpmath.cosh, hyperbolic)
    signs = logarithmic(own, 150, -60, 40) + logarithmic(own, 40, 40, 1024)
    write("asinh", mpmath.asinh, uniform(own, 150, -3, 3) + signs + tiny)
    write("acosh", mpmath.acosh,
          uniform(own, 150, 1, 3) + [abs(x) + 1 for x in signs] + uniform(own, 60, 1, 1e9))
    write("atanh", mpmath.atanh,
          uniform(own, 200, -1, 1) + logarithmic(own, 100, -60, -2) + tiny
          + [1 - x for x in logarithmic(own, 60, -53, -2, False)])
    write("softplus", lambda x: mpmath.log1p(mpmath.exp(x)),
          uniform(own, 100, -745, 0) + uniform(own, 120, -2, 2) + uniform(own, 100, -45, 45)
          + logarithmic(own, 60, -60, 9) + [(n + 0.5) * LN2 for n in range(-30, 30)]
          + around([0.0, -LN2, -708.3964185322641, -745.1332191019411, 36.7368005696771]))


main()
