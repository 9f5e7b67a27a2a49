//! From figures to verdicts: what is wrong, at which layer, and what the textbook does about it.

use super::report::{LayerSignal, Report};
use cotangent_core::OpKind;
use serde_json::{Value, json};
use std::fmt;

/// What a layer's signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// No problem found.
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
    /// The factor from one end of the model to the other from which on a signal vanishes (its
    /// inverse) or explodes, forward or backward: 1000.
    pub factor: f64,
    /// The share of a layer's units from which on it is dead: 0.75. In a healthy deep net of ReLUs
    /// it approaches 0.5 with the depth, as all samples come to look alike.
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
    /// The path of the layer where it happens: the one that causes it, or, where each layer adds
    /// its share, the one that has the worst of it. `input` for the data.
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
const EXPLODING: &str = "initialize for the activation (Glorot, He, LeCun), use batch normalization, or \
                         clip gradients by their global norm";
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
    let net = Net::of(&report.layers);
    let (sick, found): (Vec<usize>, Vec<Finding>) = units(report, thresholds).into_iter().unzip();
    let (exploding, vanishing) = gradients(&net, thresholds, &sick);
    let mut findings = Vec::from_iter(exploding);
    findings.extend(activations_that_explode(report, &net, thresholds));
    findings.extend(found);
    findings.extend(vanishing);
    findings.extend(activations_that_vanish(
        input_spread,
        &net,
        thresholds,
        &sick,
    ));
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
                EXPLODING,
            )]
        })
}

/// The layers as a graph, without those whose scale does not matter because a normalization undoes
/// it.
struct Net<'a> {
    layers: &'a [LayerSignal],
    /// Whether the scale of a layer matters.
    scaled: Vec<bool>,
    /// For each layer, by number, those whose results it takes.
    inputs: Vec<Vec<usize>>,
    /// For each layer, those that take its result.
    consumers: Vec<Vec<usize>>,
}

impl<'a> Net<'a> {
    fn of(layers: &'a [LayerSignal]) -> Self {
        let mut scaled = vec![true; layers.len()];
        let normalizes = |layer: &&LayerSignal| layer.kinds.contains(&OpKind::Normalization);
        for layer in layers.iter().filter(normalizes) {
            layer.inputs.iter().for_each(|&input| scaled[input] = false);
        }
        let mut inputs = Vec::<Vec<usize>>::new();
        let mut consumers = vec![Vec::new(); layers.len()];
        for (i, layer) in layers.iter().enumerate() {
            let mut taken = Vec::new();
            for &input in &layer.inputs {
                if scaled[input] {
                    taken.push(input);
                } else {
                    taken.extend(&inputs[input]);
                }
            }
            if scaled[i] {
                for &input in &taken {
                    consumers[input].push(i);
                }
            }
            inputs.push(taken);
        }
        Self {
            layers,
            scaled,
            inputs,
            consumers,
        }
    }

    /// The numbers of the layers whose scale matters.
    fn places(&self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.layers.len()).filter(|&i| self.scaled[i])
    }

    /// The size of the gradient at a layer.
    fn gradient(&self, i: usize) -> Option<f64> {
        self.layers[i]
            .gradient
            .as_ref()
            .map(|gradient| gradient.rms)
    }

    /// The layer above from which most of the gradient comes.
    fn above(&self, i: usize) -> Option<usize> {
        let with_gradient = |&j: &usize| Some((j, self.gradient(j)?));
        let found = self.consumers[i].iter().filter_map(with_gradient);
        found.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(j, _)| j)
    }

    /// What was made of a figure that was `reference` in the input on the way to `place`: the
    /// finding, at the layer that does most of it, or at `place` if each does its share.
    fn forward(
        &self,
        verdict: Verdict,
        place: usize,
        reference: f64,
        size: impl Fn(usize) -> f64,
        reason: &str,
    ) -> Finding {
        let (mut links, mut here) = (Vec::new(), Some(place));
        while let Some(i) = here {
            // The way that most of it came.
            let inputs = self.inputs[i].iter().copied();
            here = inputs.max_by(|&a, &b| size(a).total_cmp(&size(b)));
            links.push(Link {
                factor: size(i) / here.map_or(reference, &size),
                place: i,
                by: "",
            });
        }
        let (total, layers) = (size(place) / reference, links.len());
        let Some(link) = culprit(links, total) else {
            let each = total.powf(1.0 / layers as f64);
            let reason = format!("{reason}, about {each:.2} times a layer");
            let remedy = if verdict == Verdict::Vanishing {
                VANISHING
            } else {
                WEIGHTS
            };
            return finding(verdict, &self.layers[place], total, reason, remedy);
        };
        let reason = format!("{reason}; times {:.1e} here", link.factor);
        finding(verdict, &self.layers[link.place], total, reason, WEIGHTS)
    }

    /// What the weights and the activations do to a gradient on its way down: the finding, at the
    /// layer that does most of it, or at the bottom if each does its share. None if that layer's
    /// units are `sick`, and so have been reported.
    fn backward(&self, verdict: Verdict, found: &Extreme, sick: &[usize]) -> Option<Finding> {
        let (mut links, mut here, mut layers) = (Vec::new(), found.bottom, 0);
        while here < found.top {
            let above = self.above(here)?;
            let result = self.layers[here].result_gradient.unwrap_or(0.0);
            links.push(Link {
                factor: result / self.gradient(above)?,
                place: above,
                by: "weights",
            });
            if result > 0.0 {
                links.push(Link {
                    factor: self.gradient(here)? / result,
                    place: here,
                    by: "activation",
                });
            }
            (here, layers) = (above, layers + 1);
        }
        let (low, high) = (&self.layers[found.bottom], &self.layers[found.top]);
        let (total, vanishes) = (found.total, verdict == Verdict::Vanishing);
        let steady = if vanishes { VANISHING } else { EXPLODING };
        let what = if vanishes {
            format!("shrinks to {total:.1e} of it")
        } else {
            format!("grows {total:.1e} times")
        };
        let (high, name) = (high.name(), low.name());
        let reason = format!("from `{high}` down to `{name}` the gradient {what}");
        let Some(link) = culprit(links, total) else {
            let each = total.powf(1.0 / f64::from(layers));
            let reason = format!("{reason}, about {each:.2} times a layer");
            return Some(finding(verdict, low, total, reason, steady));
        };
        if sick.contains(&link.place) {
            return None;
        }
        let reason = format!(
            "{reason}; times {:.1e} by the {} here",
            link.factor, link.by
        );
        let remedy = if vanishes && link.by == "weights" {
            WEIGHTS
        } else {
            steady
        };
        Some(finding(
            verdict,
            &self.layers[link.place],
            total,
            reason,
            remedy,
        ))
    }
}

/// A factor of a signal on its way: how much, at which layer, and by what.
struct Link {
    factor: f64,
    place: usize,
    by: &'static str,
}

/// The link that does most to a signal whose product of factors is far from 1, if it does at least
/// half of it.
fn culprit(links: Vec<Link>, total: f64) -> Option<Link> {
    let power = |factor: f64| factor.ln() * total.ln().signum();
    let worst = links
        .into_iter()
        .max_by(|a, b| power(a.factor).total_cmp(&power(b.factor)))?;
    (power(worst.factor) >= 0.5 * total.ln().abs()).then_some(worst)
}

fn activations_that_explode(
    report: &Report,
    net: &Net<'_>,
    thresholds: &Thresholds,
) -> Option<Finding> {
    let size = |i: usize| net.layers[i].activation.rms;
    let given = report
        .input
        .as_ref()
        .map(|x| x.rms)
        .filter(|&rms| rms > 0.0);
    let reference = given
        .or(net.places().next().map(size))
        .filter(|&size| size > 0.0)?;
    let place = net.places().max_by(|&a, &b| size(a).total_cmp(&size(b)))?;
    let total = size(place) / reference;
    (total > thresholds.factor).then(|| {
        let name = net.layers[place].name();
        let reason = format!("activations grow {total:.1e} times from the input to `{name}`");
        net.forward(Verdict::Exploding, place, reference, size, &reason)
    })
}

fn activations_that_vanish(
    input_spread: Option<f64>,
    net: &Net<'_>,
    thresholds: &Thresholds,
    sick: &[usize],
) -> Option<Finding> {
    let size = |i: usize| net.layers[i].spread;
    let first = net.places().next().map(size);
    let reference = input_spread.or(first).filter(|&spread| spread > 0.0)?;
    let place = net.places().min_by(|&a, &b| size(a).total_cmp(&size(b)))?;
    let total = size(place) / reference;
    // Where nothing comes through dead or saturated units, these are the finding.
    let explained = sick.iter().any(|&i| i <= place);
    (total * thresholds.factor < 1.0 && !explained).then(|| {
        let name = net.layers[place].name();
        let reason =
            format!("at `{name}` samples differ by {total:.1e} of what they do in the input");
        net.forward(Verdict::Vanishing, place, reference, size, &reason)
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

/// A gradient at one layer against that at one above it.
struct Extreme {
    total: f64,
    bottom: usize,
    top: usize,
}

/// The gradient at each layer against the smallest, and against the largest, that it has come
/// through: what explodes, and what vanishes.
fn gradients(
    net: &Net<'_>,
    thresholds: &Thresholds,
    sick: &[usize],
) -> (Option<Finding>, Option<Finding>) {
    let size = |i: usize| net.gradient(i).unwrap_or(0.0);
    let mut largest: Vec<usize> = (0..net.layers.len()).collect();
    let mut smallest = largest.clone();
    let (mut vanishing, mut exploding): (Option<Extreme>, Option<Extreme>) = (None, None);
    for bottom in net.places().rev() {
        let Some(above) = net.above(bottom) else {
            continue; // The top, or a branch that the loss does not use.
        };
        if net.gradient(bottom).is_none() {
            let reason = "no gradient comes here, though one comes to what takes its result";
            let layer = &net.layers[bottom];
            let found = finding(Verdict::Vanishing, layer, 0.0, reason.to_owned(), DETACHED);
            return (None, Some(found));
        }
        let against = |top: usize| Extreme {
            total: size(bottom) / size(top),
            bottom,
            top,
        };
        let (down, up) = (against(largest[above]), against(smallest[above]));
        if down.total <= 1.0 {
            largest[bottom] = down.top;
        }
        if up.total >= 1.0 || up.total == 0.0 {
            smallest[bottom] = up.top;
        }
        let worst = |found: &Option<Extreme>| found.as_ref().map(|worst| worst.total);
        if down.total < worst(&vanishing).unwrap_or(1.0 / thresholds.factor) {
            vanishing = Some(down);
        }
        if up.total > worst(&exploding).unwrap_or(thresholds.factor) {
            exploding = Some(up);
        }
    }
    let exploding = exploding.and_then(|found| net.backward(Verdict::Exploding, &found, sick));
    let vanishing = vanishing.and_then(|found| net.backward(Verdict::Vanishing, &found, sick));
    (exploding, vanishing)
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
    /// The layer's path, and which use of it.
    pub(super) fn place(&self) -> String {
        let nth = self
            .nth_use
            .map_or(String::new(), |nth| format!(" ({nth})"));
        format!("`{}`{nth}", self.layer)
    }

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

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}. Remedy: {}.",
            self.verdict,
            self.place(),
            self.reason,
            self.remedy
        )
    }
}
