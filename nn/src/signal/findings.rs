//! From figures to verdicts: what is wrong, at which layer, and what the textbook does about it.

use super::report::{LayerSignal, Report};
use serde_json::{Value, json};
use std::fmt;

/// What a layer's signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing of the below.
    Healthy,
    /// Activations or gradients shrink until nothing arrives.
    Vanishing,
    /// Activations, gradients or steps grow beyond measure, or are not finite.
    Exploding,
    /// Units are 0 for every sample, and so get no gradient.
    Dead,
    /// Activations are where their derivative is near 0.
    Saturated,
}

/// Where a signal stops being healthy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// The factor from one end of the model to the other from which on a signal vanishes (its inverse)
    /// or explodes, forward or backward: 1000.
    pub factor: f64,
    /// The share of a layer's units from which on it is dead: 0.75. In a healthy deep net of ReLUs it
    /// approaches 0.5 with the depth, as all samples come to look alike.
    pub dead: f64,
    /// The share of a layer's activations from which on it is saturated: 0.25.
    pub saturated: f64,
    /// The derivative below which an activation is saturated: 0.01.
    pub derivative: f64,
    /// The change of a layer's weights by one step, relative to their size, from which on the step
    /// explodes: 0.5. About 0.001 is usual.
    pub update: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            factor: 1e3,
            dead: 0.75,
            saturated: 0.25,
            derivative: 0.01,
            update: 0.5,
        }
    }
}

/// Something that is not healthy.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub verdict: Verdict,
    /// The path of the layer where it happens: the one that causes it, or, where each layer adds its
    /// share, the one that has the worst of it. `input` for the data.
    pub layer: String,
    /// Which use of the layer it is, if there are several.
    pub nth_use: Option<usize>,
    /// The figure that gave it away.
    pub figure: f64,
    /// What the figure is.
    pub reason: String,
    /// What the textbook does about it.
    pub remedy: &'static str,
}

const WEIGHTS: &str = "initialize for the activation (Glorot for tanh and sigmoid, He for ReLU and its \
                       kin, LeCun for SELU), or put batch normalization before the activation";
const VANISHING: &str = "use an activation that does not saturate (ReLU, ELU), initialize for it (He), \
                         or put batch normalization before it";
const EXPLODING_GRADIENT: &str = "clip gradients by their global norm, initialize for the activation \
                                  (Glorot, He, LeCun), or use batch normalization";
const DIVERGED: &str = "lower the learning rate, clip gradients by their global norm, and initialize for \
                        the activation (Glorot, He, LeCun)";
const DEAD: &str = "use leaky ReLU, ELU or SELU, lower the learning rate, and initialize with He's \
                    variance and zero biases";
const SATURATED: &str = "initialize with Glorot's variance, put batch normalization before the activation, \
                         standardize the input, or use ReLU or ELU";
const STEP: &str = "lower the learning rate, or clip gradients by their global norm";
const DETACHED: &str = "look for a detached tensor, or a branch that the loss does not use";
const INPUT: &str = "clean the data";

/// All findings, causes before consequences.
pub(super) fn find(
    report: &Report,
    input_spread: Option<f64>,
    thresholds: &Thresholds,
) -> Vec<Finding> {
    let infinite = non_finite(report);
    if !infinite.is_empty() {
        // Whatever else is computed from such numbers says nothing.
        return infinite;
    }
    let mut findings = Vec::from_iter(activations_that_explode(report, thresholds));
    let sick = units(report, thresholds);
    let first_sick = sick.iter().map(|(i, _)| *i).min().unwrap_or(usize::MAX);
    findings.extend(sick.iter().map(|(_, finding)| finding.clone()));
    findings.extend(activations_that_vanish(
        report,
        input_spread,
        thresholds,
        first_sick,
    ));
    findings.extend(gradients(report, thresholds, &sick));
    findings.extend(updates(report, thresholds));
    let mut seen = Vec::new();
    findings.retain(|finding| {
        let key = (finding.verdict, finding.layer.clone());
        let new = !seen.contains(&key);
        seen.push(key);
        new
    });
    findings
}

fn finding(
    verdict: Verdict,
    layer: &LayerSignal,
    figure: f64,
    reason: String,
    remedy: &'static str,
) -> Finding {
    Finding {
        verdict,
        layer: layer.path.clone(),
        nth_use: layer.nth_use,
        figure,
        reason,
        remedy,
    }
}

fn non_finite(report: &Report) -> Vec<Finding> {
    if let Some(count) = report
        .input
        .as_ref()
        .map(|x| x.non_finite)
        .filter(|&n| n > 0)
    {
        return vec![Finding {
            verdict: Verdict::Exploding,
            layer: "input".to_owned(),
            nth_use: None,
            figure: count as f64,
            reason: format!("{count} elements of the input are infinite or not a number"),
            remedy: INPUT,
        }];
    }
    let share = |count: usize, of: usize| format!("{count} of {of}");
    if let Some(layer) = report
        .layers
        .iter()
        .find(|layer| layer.activation.non_finite > 0)
    {
        let (bad, all) = (layer.activation.non_finite, layer.activation.count);
        let prefix = format!("{}.", layer.path);
        let of_layer = |path: &str| path == layer.path || path.starts_with(&prefix);
        let broken = report
            .parameters
            .iter()
            .find(|p| p.non_finite > 0 && of_layer(&p.path));
        let cause = broken.map_or(String::new(), |p| format!(", and so is `{}`", p.path));
        let reason = format!(
            "{} activations are infinite or not a number{cause}",
            share(bad, all)
        );
        return vec![finding(
            Verdict::Exploding,
            layer,
            bad as f64,
            reason,
            DIVERGED,
        )];
    }
    let broken = |layer: &&LayerSignal| layer.gradient.as_ref().is_some_and(|g| g.non_finite > 0);
    report
        .layers
        .iter()
        .rev()
        .find(broken)
        .map_or(Vec::new(), |layer| {
            let gradient = layer
                .gradient
                .as_ref()
                .map_or((0, 0), |g| (g.non_finite, g.count));
            let reason = format!(
                "{} gradients are infinite or not a number",
                share(gradient.0, gradient.1)
            );
            vec![finding(
                Verdict::Exploding,
                layer,
                gradient.0 as f64,
                reason,
                EXPLODING_GRADIENT,
            )]
        })
}

/// The layers whose scale matters: a normalization undoes that of the layer that feeds it.
fn scaled(report: &Report) -> Vec<(usize, &LayerSignal)> {
    let normalizes = |layer: &&LayerSignal| layer.operations.iter().any(|op| op.ends_with("_norm"));
    let normalized = |i: usize| {
        report
            .layers
            .iter()
            .filter(normalizes)
            .any(|layer| layer.inputs.contains(&i))
    };
    report
        .layers
        .iter()
        .enumerate()
        .filter(|(i, _)| !normalized(*i))
        .collect()
}

/// A factor of a signal on its way: how much, where, and by what.
struct Link<'a> {
    factor: f64,
    layer: &'a LayerSignal,
    by: &'static str,
}

/// The link that does most to a signal whose product of factors is far from 1, if it does at least half
/// of it.
fn culprit<'a>(links: Vec<Link<'a>>, total: f64) -> Option<Link<'a>> {
    let power = |factor: f64| factor.ln() * total.ln().signum();
    let worst = links
        .into_iter()
        .max_by(|a, b| power(a.factor).total_cmp(&power(b.factor)))?;
    (power(worst.factor) >= 0.5 * total.ln().abs() || worst.factor == 0.0).then_some(worst)
}

/// The factors from layer to layer of a figure that starts with `reference`.
fn forward_links<'a>(
    layers: &[(usize, &'a LayerSignal)],
    sizes: &[f64],
    reference: f64,
) -> Vec<Link<'a>> {
    let before = std::iter::once(reference).chain(sizes.iter().copied());
    let pairs = layers.iter().zip(sizes).zip(before);
    pairs
        .map(|(((_, layer), size), before)| Link {
            factor: size / before,
            layer,
            by: "",
        })
        .collect()
}

fn activations_that_explode(report: &Report, thresholds: &Thresholds) -> Option<Finding> {
    let layers = scaled(report);
    let sizes: Vec<f64> = layers
        .iter()
        .map(|(_, layer)| layer.activation.rms)
        .collect();
    let given = report
        .input
        .as_ref()
        .map(|x| x.rms)
        .filter(|&rms| rms > 0.0);
    let reference = given
        .or(sizes.first().copied())
        .filter(|&size| size > 0.0)?;
    let (place, largest) = sizes
        .iter()
        .copied()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let total = largest / reference;
    if total <= thresholds.factor {
        return None;
    }
    let links = forward_links(&layers[..=place], &sizes[..=place], reference);
    let reason = format!(
        "activations grow {total:.1e} times on the way to `{}`",
        layers[place].1.name()
    );
    Some(match culprit(links, total) {
        Some(link) => {
            let reason = format!("{reason}, {:.1e} times here", link.factor);
            finding(Verdict::Exploding, link.layer, total, reason, WEIGHTS)
        }
        None => {
            let each = total.powf(1.0 / (place + 1) as f64);
            let reason = format!("{reason}, about {each:.2} times a layer");
            finding(Verdict::Exploding, layers[place].1, total, reason, WEIGHTS)
        }
    })
}

fn activations_that_vanish(
    report: &Report,
    input_spread: Option<f64>,
    thresholds: &Thresholds,
    first_sick: usize,
) -> Option<Finding> {
    let layers = scaled(report);
    let sizes: Vec<f64> = layers.iter().map(|(_, layer)| layer.spread).collect();
    let reference = input_spread
        .or(sizes.first().copied())
        .filter(|&spread| spread > 0.0)?;
    let (place, smallest) = sizes
        .iter()
        .copied()
        .enumerate()
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    let total = smallest / reference;
    // Where nothing comes through dead or saturated units, these are the finding.
    if total * thresholds.factor >= 1.0 || layers[place].0 >= first_sick {
        return None;
    }
    let links = forward_links(&layers[..=place], &sizes[..=place], reference);
    let reason = format!(
        "samples differ by {total:.1e} of what they differ by in the input, at `{}`",
        layers[place].1.name()
    );
    Some(match culprit(links, total) {
        Some(link) => {
            let reason = format!("{reason}; {:.1e} is lost here", link.factor);
            finding(Verdict::Vanishing, link.layer, total, reason, WEIGHTS)
        }
        None => {
            let each = total.powf(1.0 / (place + 1) as f64);
            let reason = format!("{reason}, about {each:.2} times a layer");
            finding(
                Verdict::Vanishing,
                layers[place].1,
                total,
                reason,
                VANISHING,
            )
        }
    })
}

/// Layers that others take the result of, whose units are dead or whose activations are saturated.
fn units(report: &Report, thresholds: &Thresholds) -> Vec<(usize, Finding)> {
    let mut found = Vec::new();
    for (i, layer) in report.layers.iter().enumerate() {
        if !report.layers.iter().any(|other| other.inputs.contains(&i)) {
            continue; // A sigmoid that is the model's answer may well be sure of it.
        }
        let (dead, saturated) = (layer.dead.unwrap_or(0.0), layer.saturated.unwrap_or(0.0));
        if dead >= thresholds.dead {
            let reason = format!("{:.0}% of its units are 0 for every sample", 100.0 * dead);
            found.push((i, finding(Verdict::Dead, layer, dead, reason, DEAD)));
        } else if saturated >= thresholds.saturated {
            let below = thresholds.derivative;
            let reason = format!(
                "{:.0}% of its activations have a derivative below {below}",
                100.0 * saturated
            );
            found.push((
                i,
                finding(Verdict::Saturated, layer, saturated, reason, SATURATED),
            ));
        }
    }
    found
}

/// From the top down: the gradient against the largest, and against the smallest, above it.
fn gradients(report: &Report, thresholds: &Thresholds, sick: &[(usize, Finding)]) -> Vec<Finding> {
    let layers = scaled(report);
    let Some(top) = layers
        .iter()
        .rposition(|(_, layer)| layer.gradient.is_some())
    else {
        return Vec::new();
    };
    let size = |place: usize| layers[place].1.gradient.as_ref().map(|g| g.rms);
    let (mut largest, mut smallest) = (top, top);
    let (mut vanishing, mut exploding): (Option<(f64, usize, usize)>, Option<(f64, usize, usize)>) =
        (None, None);
    for place in (0..top).rev() {
        let feeds = report
            .layers
            .iter()
            .any(|layer| layer.inputs.contains(&layers[place].0));
        let Some(here) = size(place) else {
            if feeds {
                let reason = "no gradient comes here, though its result is used".to_owned();
                return vec![finding(
                    Verdict::Vanishing,
                    layers[place].1,
                    0.0,
                    reason,
                    DETACHED,
                )];
            }
            continue;
        };
        let against = |other: usize| here / size(other).unwrap_or(here);
        let (down, up) = (against(largest), against(smallest));
        if down * thresholds.factor < 1.0 && vanishing.is_none_or(|(worst, ..)| down < worst) {
            vanishing = Some((down, place, largest));
        }
        if up > thresholds.factor && exploding.is_none_or(|(worst, ..)| up > worst) {
            exploding = Some((up, place, smallest));
        }
        if here > size(largest).unwrap_or(0.0) {
            largest = place;
        }
        if here > 0.0 && here < size(smallest).unwrap_or(f64::INFINITY) {
            smallest = place;
        }
    }
    let explain = |verdict, (total, bottom, top): (f64, usize, usize)| {
        let (low, high) = (layers[bottom].1, layers[top].1);
        let (what, remedy) = match verdict {
            Verdict::Vanishing => ("shrinks to", VANISHING),
            _ => ("grows to", EXPLODING_GRADIENT),
        };
        let reason = format!(
            "from `{}` down to `{}` the gradient {what} {total:.1e}",
            high.name(),
            low.name()
        );
        match culprit(backward_links(&layers[bottom..=top]), total) {
            Some(link) => {
                let caused = |(i, _): &(usize, Finding)| {
                    std::ptr::eq(&raw const report.layers[*i], link.layer)
                };
                if sick.iter().any(caused) {
                    return None; // Its units have been reported.
                }
                let reason = format!("{reason}, {:.1e} by the {} here", link.factor, link.by);
                let remedy = if link.by == "weights" && verdict == Verdict::Vanishing {
                    WEIGHTS
                } else {
                    remedy
                };
                Some(finding(verdict, link.layer, total, reason, remedy))
            }
            None => {
                let each = total.powf(1.0 / (top - bottom) as f64);
                let reason = format!("{reason}, about {each:.2} times a layer");
                Some(finding(verdict, low, total, reason, remedy))
            }
        }
    };
    let exploding = exploding.and_then(|found| explain(Verdict::Exploding, found));
    let vanishing = vanishing.and_then(|found| explain(Verdict::Vanishing, found));
    exploding.into_iter().chain(vanishing).collect()
}

/// What the weights and the activations do to a gradient on its way down these layers.
fn backward_links<'a>(layers: &[(usize, &'a LayerSignal)]) -> Vec<Link<'a>> {
    let mut links = Vec::new();
    for pair in layers.windows(2) {
        let [(_, below), (_, above)] = pair else {
            continue;
        };
        let sizes = (&above.gradient, below.result_gradient, &below.gradient);
        if let (Some(above_size), Some(result), Some(before)) = sizes {
            links.push(Link {
                factor: result / above_size.rms,
                layer: above,
                by: "weights",
            });
            if result > 0.0 {
                links.push(Link {
                    factor: before.rms / result,
                    layer: below,
                    by: "activation",
                });
            }
        }
    }
    links
}

fn updates(report: &Report, thresholds: &Thresholds) -> Option<Finding> {
    let change = |layer: &LayerSignal| layer.update.unwrap_or(0.0);
    let worst = report
        .layers
        .iter()
        .max_by(|a, b| change(a).total_cmp(&change(b)))?;
    let update = change(worst);
    (update > thresholds.update || !update.is_finite()).then(|| {
        let reason = format!("one step changes its weights by {update:.1e} of their size");
        finding(Verdict::Exploding, worst, update, reason, STEP)
    })
}

impl Finding {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "verdict": self.verdict.to_string(),
            "layer": self.layer,
            "nth_use": self.nth_use,
            "figure": self.figure,
            "reason": self.reason,
            "remedy": self.remedy,
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "healthy",
            Self::Vanishing => "vanishing",
            Self::Exploding => "exploding",
            Self::Dead => "dead",
            Self::Saturated => "saturated",
        })
    }
}

/// `saturated: `hidden.3`: 62% of its activations have a derivative below 0.01. Remedy: …`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nth = self
            .nth_use
            .map_or(String::new(), |nth| format!(" ({nth})"));
        write!(
            f,
            "{}: `{}`{nth}: {}. Remedy: {}.",
            self.verdict, self.layer, self.reason, self.remedy
        )
    }
}
