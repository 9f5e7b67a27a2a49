"""Prints the coefficients of the elementary functions. The Rust files contain copies of them.

Each function is a weighted minimax approximation, found by the exchange algorithm of E. Remez
(1934). The coefficients are rounded one after another, starting with the lowest, and the others are
fitted again each time. Needs mpmath 1.3.0, and runs for a few minutes.
"""

import functools

import mpmath
from mpmath import cos, erf, erfc, exp, expm1, factorial, log, log1p, matrix, mp, mpf, pi, sin
from mpmath import sqrt, tanh

assert mpmath.__version__ == "1.3.0"
mp.prec = 150
GRID = 600


def chebyshev(a, b, count):
    return [(a + b) / 2 - (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * count)) for i in range(count)]


def extremes(errors, count):
    """Returns the indices of `count` alternating extremes, or of all if there are fewer."""
    peaks = []
    for i, error in enumerate(errors):
        if peaks and (errors[peaks[-1]] >= 0) == (error >= 0):
            if abs(error) > abs(errors[peaks[-1]]):
                peaks[-1] = i
        else:
            peaks.append(i)
    while len(peaks) > count:
        if len(peaks) == count + 1:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        else:
            size = [abs(errors[peak]) for peak in peaks]
            i = min(range(len(peaks) - 1), key=lambda i: max(size[i], size[i + 1]))
            del peaks[i : i + 2]
    return peaks


def rational(f, weight, above, below, a, b):
    """Fits powers `above` over 1 + powers `below`: returns coefficients and weighted error."""
    a, b = mpf(a), mpf(b)
    m, count = len(above), len(above) + len(below) + 1
    grid = [(a + b) / 2 - (b - a) / 2 * cos(pi * i / GRID) for i in range(GRID + 1)]
    values = [f(x) for x in grid]
    weights = [weight(x) for x in grid]
    nodes, level, best = chebyshev(a, b, count), mpf(0), (None, mpf("inf"))
    for _ in range(25):
        at = [f(x) for x in nodes]
        scales = [weight(x) for x in nodes]
        for _ in range(12 if below else 1):
            rows, right = matrix(count, count), matrix(count, 1)
            for i, (x, w) in enumerate(zip(nodes, scales)):
                for j, power in enumerate(above):
                    rows[i, j] = w * x**power
                for j, power in enumerate(below):
                    rows[i, m + j] = ((-1) ** i * level - w * at[i]) * x**power
                rows[i, count - 1], right[i] = (-1) ** i, w * at[i]
            solution = mpmath.lu_solve(rows, right)
            level = solution[count - 1]
        p, q = [solution[j] for j in range(m)], [solution[m + j] for j in range(len(below))]
        above_at = lambda x: sum(c * x**k for c, k in zip(p, above))
        below_at = lambda x: 1 + sum(c * x**k for c, k in zip(q, below))
        errors = [
            w * (v - above_at(x) / below_at(x)) for x, v, w in zip(grid, values, weights)
        ]
        largest = max(abs(e) for e in errors)
        if largest < best[1]:
            best = ((p, q), largest)
        peaks = extremes(errors, count)
        if len(peaks) < count or largest < abs(level) * mpf("1.0005"):
            break
        nodes = [grid[i] for i in peaks]
    return best


def rounded(value, bits):
    with mp.workprec(bits):
        return +value


def show(name, coefficients, error, bits):
    form = "%.9e" if bits == 24 else "%r"
    print(f"{name}: weighted error 2^{float(log(error, 2)):.1f}")
    print("   ", ", ".join(form % float(c) for c in coefficients), flush=True)


def polynomial(name, f, weight, degree, a, b, bits, given=()):
    f, weight = functools.lru_cache(None)(f), functools.lru_cache(None)(weight)
    fixed = [mpf(c) for c in given]
    while True:
        rest = lambda x: f(x) - sum(c * x**k for k, c in enumerate(fixed))
        if len(fixed) == degree + 1:
            break
        (p, _), _ = rational(rest, weight, range(len(fixed), degree + 1), (), a, b)
        fixed.append(rounded(p[0], bits))
    a, b = mpf(a), mpf(b)
    points = (a + (b - a) * (i + mpf(1) / 2) / 2000 for i in range(2000))
    error = max(abs(weight(x) * rest(x)) for x in points)
    show(name, fixed, error, bits)


def zero_at_zero(f):
    return lambda x: f(x) if x else mpf(0)


def relative(f):
    return lambda x: 1 / f(x)


def of_positive(f, limit):
    """Returns f with its limit near 0, where rounding errors would cancel its digits."""
    return lambda z: f(z) if z > mpf("1e-10") else limit


half_ln2 = log(mpf(2)) / 2 * mpf("1.0002")
q = lambda r: (expm1(r) - r) / r**2 if abs(r) > mpf("1e-8") else mpf(1) / 2 + r / 6
of_power = lambda r: r * r / exp(r)
of_power_less_one = zero_at_zero(lambda r: r * r / expm1(r))
for name, weight, degree, bits in (
    ("exp f32", of_power, 5, 24),
    ("exp f32 short", of_power, 4, 24),
    ("exp f64", of_power, 10, 53),
    ("exp_m1 f32", of_power_less_one, 5, 24),
    ("exp_m1 f64", of_power_less_one, 10, 53),
):
    polynomial(name, q, weight, degree, -half_ln2, half_ln2, bits, [0.5])

series = lambda f: sum((-f) ** k / (k + 3) for k in range(12))
p = lambda f: (log1p(f) - f + f * f / 2) / f**3 if abs(f) > mpf("1e-6") else series(f)
of_log = zero_at_zero(lambda f: f**3 / log1p(f))
ends = sqrt(mpf(1) / 2) - 1 - mpf("1e-6"), sqrt(mpf(2)) - 1 + mpf("1e-6")
polynomial("ln f32", p, of_log, 8, *ends, 24)
polynomial("ln_1p f32 (in f64)", p, of_log, 8, *ends, 53)
ends = mpf("-0.25") - mpf("1e-6"), mpf("0.5") + mpf("1e-6")
polynomial("softplus f32", p, of_log, 7, *ends, 24)
s = (sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)
atanh_series = lambda z: sum(2 * z**k / (2 * k + 3) for k in range(40))
polynomial("ln f64", atanh_series, lambda z: z / (2 + z * 2 / 3), 6, 0, s * s, 53)

tanh_ratio = lambda z: tanh(sqrt(z)) / sqrt(z)
tanh_rest = lambda z: (tanh_ratio(z) - 1) / z if z > mpf("1e-12") else mpf(-1) / 3 + 2 * z / 15
of_tanh = zero_at_zero(lambda z: sqrt(z) * z / tanh(sqrt(z)))
polynomial("tanh f32", tanh_rest, of_tanh, 4, 0, mpf("0.625") ** 2, 24)
tanh_range = mpf("1e-4"), mpf("0.625") ** 2
(above, below), error = rational(tanh_rest, of_tanh, range(3), range(1, 4), *tanh_range)
show("tanh f64 numerator", above, error, 53)
show("tanh f64 denominator after 1", below, error, 53)

sine_rest = lambda z: sum((-1) ** (k + 1) * z**k / factorial(2 * k + 3) for k in range(25))
of_sine = zero_at_zero(lambda z: sqrt(z) * z / sin(sqrt(z)))
quarter = (pi / 2 * mpf("1.0001")) ** 2
polynomial("sine f32 (in f64)", sine_rest, of_sine, 4, 0, quarter, 53)
polynomial("sine f64", sine_rest, of_sine, 7, 0, quarter, 53)

ratio = lambda z: 2 / sqrt(pi) * sum((-z) ** k / (factorial(k) * (2 * k + 1)) for k in range(50))
ratio_less_one, of_ratio = lambda z: ratio(z) - 1, lambda z: 1 / ratio(z)
polynomial("erf f32 small", ratio_less_one, of_ratio, 6, 0, mpf("0.9") ** 2, 24)
polynomial("erf f64 small", ratio_less_one, of_ratio, 11, 0, 1, 53)
log_erfc = lambda x: log(erfc(x))
of_erf = lambda x: erfc(x) / erf(x)
polynomial("erf f32 large", log_erfc, of_erf, 7, mpf("0.9"), mpf("3.93"), 24)
polynomial("erf f64 large", log_erfc, of_erf, 17, 1, 6, 53)


# erfc a = e^(-a^2) p(q) / (a + k) with q = (a - k) / (a + k).
def scaled_erfc(k):
    argument = lambda q: k * (1 + q) / (1 - q)
    at = lambda a: (a + k) * exp(a**2) * erfc(a)
    return functools.lru_cache(None)(lambda q: at(argument(q)))


# In the Rust file the last coefficient for f64 is raised by 2.8e-16, so that erfc 0 is exactly 1.
for bits, degree, k, last in ((24, 9, 3, mpf("10.1")), (53, 22, 4, mpf("27.3"))):
    p = scaled_erfc(k)
    name = f"erfc f{32 if bits == 24 else 64}"
    polynomial(name, p, lambda q: 1 / p(q), degree, -1, (last - k) / (last + k), bits)


# lgamma y = (y - 1) (y - 2) p(y - 2) and digamma y = (y - root) p(y - 2) in [1, 3].
at_zeros = {0: 1 - mpmath.euler, -1: mpmath.euler}
lgamma_rest = lambda t: next(
    (limit for zero, limit in at_zeros.items() if abs(t - zero) < mpf("1e-20")), None
) or mpmath.loggamma(t + 2) / (t * (t + 1))
root = mpmath.findroot(mpmath.digamma, 1.4616321449683623)
digamma_rest = lambda t: mpmath.digamma(t + 2) / (t + 2 - root)
for name, rest, degree in (("lgamma", lgamma_rest, 15), ("digamma", digamma_rest, 16)):
    polynomial(name + " f32 small (in f64)", rest, relative(rest), degree, -1, 1, 53)


# The series of Stirling in z = 1 / x^2 from x = 3 on.
def stirling(z):
    x = 1 / sqrt(z)
    return x * (mpmath.loggamma(x) - (x - 0.5) * log(x) + x - log(2 * pi) / 2)


def stirling_of_digamma(z):
    x = 1 / sqrt(z)
    return (log(x) - 1 / (2 * x) - mpmath.digamma(x)) / z


for name, rest, weight in (
    ("lgamma", stirling, lambda z: sqrt(z) / mpmath.loggamma(1 / sqrt(z))),
    ("digamma", stirling_of_digamma, lambda z: z / mpmath.digamma(1 / sqrt(z))),
):
    rest = of_positive(rest, mpf(1) / 12)
    polynomial(name + " f32 large (in f64)", rest, zero_at_zero(weight), 3, 0, mpf(1) / 9, 53)

atan_rest = of_positive(lambda z: (mpmath.atan(sqrt(z)) / sqrt(z) - 1) / z, mpf(-1) / 3)
of_atan = zero_at_zero(lambda z: sqrt(z) * z / mpmath.atan(sqrt(z)))
eighth = mpmath.tan(pi / 8) ** 2 * mpf("1.0001")
polynomial("atan f32 (in f64)", atan_rest, of_atan, 5, 0, eighth, 53)
polynomial("atan f64", atan_rest, of_atan, 11, 0, eighth, 53)

sinh_rest = of_positive(lambda z: (mpmath.sinh(sqrt(z)) / sqrt(z) - 1) / z, mpf(1) / 6)
of_sinh = zero_at_zero(lambda z: sqrt(z) * z / mpmath.sinh(sqrt(z)))
polynomial("sinh f32 (in f64)", sinh_rest, of_sinh, 3, 0, 1, 53)
polynomial("sinh f64", sinh_rest, of_sinh, 7, 0, 1, 53)
