//! Turns the statistics of a report into findings: the problem, its layer, and the standard remedy.

use super::report::{LayerSignal, Report};
use cotangent_core::OpKind;
use serde_json::{Value, json};
use std::fmt;

/// The state of a layer's signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// No problem found.
    Healthy,
    /// Activations or gradients shrink until almost nothing is left.
    Vanishing,
    /// Activations, gradients or steps become too large, or are not finite.
    Exploding,
    /// Units are 0 for every sample and so get no gradient.
    Dead,
    /// Activations lie where their derivative is near 0.
    Saturated,
}

/// The limits beyond which a signal is reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// The factor, from one end of the model to the other, above which a signal explodes. Below its
    /// inverse a signal vanishes. It applies forward and backward. Default: 1000.
    pub factor: f64,
    /// The share of dead units from which on a layer is reported. Default: 0.75. In a healthy deep
    /// network of ReLUs the share approaches 0.5 with growing depth, because all samples become
    /// alike.
    pub dead: f64,
    /// The share of saturated activations from which on a layer is reported. Default: 0.25.
    pub saturated: f64,
    /// The share of saturated gates from which on a recurrent layer is reported. Default: 0.5: a
    /// layer with a long memory may keep its forget gates open.
    pub gates: f64,
    /// The share of queries with one weight near 1 from which on attention is reported. Default:
    /// 0.75. Trained heads often attend to one place.
    pub one_hot: f64,
    /// The derivative below which an activation is saturated. Default: 0.01.
    pub derivative: f64,
    /// The change of a layer's weights in one step, relative to their size, above which the step
    /// explodes. Default: 0.5. About 0.001 is usual.
    pub update: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            factor: 1e3,
            dead: 0.75,
            saturated: 0.25,
            gates: 0.5,
            one_hot: 0.75,
            derivative: 0.01,
            update: 0.5,
        }
    }
}

/// A problem found in a report.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The kind of problem.
    pub verdict: Verdict,
    /// The path of the layer: the cause, or, if each layer contributes its share, the most affected
    /// layer. `input` for the data.
    pub layer: String,
    /// The number of the use, from 1, if the layer is used several times.
    pub nth_use: Option<usize>,
    /// The value that revealed the problem.
    pub value: f64,
    /// The problem in words, with the value.
    pub reason: String,
    /// The standard remedy.
    pub remedy: &'static str,
}

const WEIGHTS: &str = "use the initializer of the activation (Glorot for tanh and sigmoid, He for \
                       ReLU and its variants, LeCun for SELU), or add batch normalization before \
                       the activation";
const VANISHING: &str = "use an activation that does not saturate (ReLU, ELU) and its initializer \
                         (He), or add batch normalization before it";
const EXPLODING: &str = "use the initializer of the activation (Glorot, He, LeCun), add batch \
                         normalization, or clip gradients by their global norm";
const DIVERGED: &str = "lower the learning rate, clip gradients by their global norm, and use the \
                        initializer of the activation (Glorot, He, LeCun)";
const DEAD: &str = "use leaky ReLU, ELU or SELU, lower the learning rate, and use He \
                    initialization with zero biases";
const SATURATED: &str = "use Glorot initialization, add batch normalization before the activation, \
                         standardize the input, or use ReLU or ELU";
const GATES: &str = "use the layer's default initialization, standardize the input, or add layer \
                     normalization before the layer";
const ATTENTION: &str = "scale the scores by 1 / √width, initialize the weights of queries and \
                         keys with Glorot, normalize the input of attention, or normalize queries \
                         and keys";
const FORGETTING: &str = "use an LSTM or GRU, a forget bias of 1 and orthogonal recurrent weights \
                          (`keras_default`), or shorter sequences";
const EXPLODING_STEPS: &str = "use orthogonal recurrent weights (`keras_default`), clip gradients \
                               by their global norm, or use shorter sequences";
const STEP: &str = "lower the learning rate, or clip gradients by their global norm";
const DETACHED: &str = "look for a detached tensor, or for a branch that the loss does not use";
const INPUT: &str = "remove or replace these elements in the data";

/// Returns all findings, causes before consequences.
pub(super) fn find(
    report: &Report,
    input_spread: Option<f64>,
    thresholds: &Thresholds,
) -> Vec<Finding> {
    let infinite = non_finite(report);
    if !infinite.is_empty() {
        // Other statistics of such numbers are meaningless.
        return infinite;
    }
    let net = Net::of(&report.layers);
    let (reported, found): (Vec<usize>, Vec<Finding>) =
        units(report, thresholds).into_iter().unzip();
    let (exploding, vanishing) = gradients(&net, thresholds, &reported);
    let (exploding_steps, vanishing_steps) = through_time(report, thresholds, &reported);
    let mut findings = exploding_steps;
    findings.extend(exploding);
    findings.extend(activations_that_explode(report, &net, thresholds));
    findings.extend(found);
    findings.extend(vanishing_steps);
    findings.extend(vanishing);
    findings.extend(activations_that_vanish(
        input_spread,
        &net,
        thresholds,
        &reported,
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
    value: f64,
    reason: String,
    remedy: &'static str,
) -> Finding {
    Finding {
        verdict,
        layer: layer.path.clone(),
        nth_use: layer.nth_use,
        value,
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
            value: count as f64,
            reason: format!("{count} elements of the input are infinite or NaN"),
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
            .find(|p| p.values.non_finite > 0 && of_layer(&p.path));
        let cause = broken.map_or(String::new(), |p| {
            format!(", and so are elements of `{}`", p.path)
        });
        let reason = format!("{} activations are infinite or NaN{cause}", share(bad, all));
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
                "{} gradients are infinite or NaN",
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

/// The layers as a graph, without layers whose scale does not matter because a normalization undoes
/// it.
struct Net<'a> {
    layers: &'a [LayerSignal],
    /// Whether the scale of a layer matters.
    scaled: Vec<bool>,
    /// For each layer, the indices of the layers whose results it takes.
    inputs: Vec<Vec<usize>>,
    /// For each layer, the indices of the layers that take its result.
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

    /// Returns the indices of the layers whose scale matters.
    fn places(&self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.layers.len()).filter(|&i| self.scaled[i])
    }

    /// Returns the size of the gradient at a layer.
    fn gradient(&self, i: usize) -> Option<f64> {
        self.layers[i]
            .gradient
            .as_ref()
            .map(|gradient| gradient.rms)
    }

    /// Returns the next layer on the way to the loss. If there are several, it is the one with the
    /// largest gradient.
    fn above(&self, i: usize) -> Option<usize> {
        let with_gradient = |&j: &usize| Some((j, self.gradient(j)?));
        let found = self.consumers[i].iter().filter_map(with_gradient);
        found.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(j, _)| j)
    }

    /// Reports a change of size on the way from the input, where it is `reference`, to `place`. The
    /// finding is at the layer that contributes most of it, or at `place` if each layer contributes
    /// its share.
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
            // Follow the input with the largest size.
            let inputs = self.inputs[i].iter().copied();
            here = inputs.max_by(|&a, &b| size(a).total_cmp(&size(b)));
            links.push(Link {
                factor: size(i) / here.map_or(reference, &size),
                place: i,
                by: "",
            });
        }
        let (total, layers) = (size(place) / reference, links.len());
        let Some(link) = dominant(links, total) else {
            let each = total.powf(1.0 / layers as f64);
            let reason = format!("{reason}, by a factor of about {each:.2} per layer");
            let remedy = if verdict == Verdict::Vanishing {
                VANISHING
            } else {
                WEIGHTS
            };
            return finding(verdict, &self.layers[place], total, reason, remedy);
        };
        let reason = format!(
            "{reason}; this layer contributes a factor of {:.1e}",
            link.factor
        );
        finding(verdict, &self.layers[link.place], total, reason, WEIGHTS)
    }

    /// Reports the change of a gradient by weights and activations on the way back. The finding is
    /// at the layer that contributes most of it, or at the bottom if each layer contributes its
    /// share. Returns `None` if that layer is among the reported ones.
    fn backward(&self, verdict: Verdict, found: &Extreme, reported: &[usize]) -> Option<Finding> {
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
        let gradual = match (vanishes, low.kinds.contains(&OpKind::Recurrence)) {
            (true, true) => FORGETTING,
            (true, false) => VANISHING,
            (false, _) => EXPLODING,
        };
        let what = if vanishes {
            format!("shrinks to {total:.1e} of its size")
        } else {
            format!("grows by a factor of {total:.1e}")
        };
        let (high, name) = (high.name(), low.name());
        let reason = format!("from `{high}` back to `{name}` the gradient {what}");
        let Some(link) = dominant(links, total) else {
            let each = total.powf(1.0 / f64::from(layers));
            let reason = format!("{reason}, by a factor of about {each:.2} per layer");
            return Some(finding(verdict, low, total, reason, gradual));
        };
        if reported.contains(&link.place) {
            return None;
        }
        let reason = format!(
            "{reason}; a factor of {:.1e} is due to the {} of this layer",
            link.factor, link.by
        );
        let remedy = if vanishes && link.by == "weights" {
            WEIGHTS
        } else {
            gradual
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

/// One factor of a signal on its way: its value, its layer, and its cause.
struct Link {
    factor: f64,
    place: usize,
    by: &'static str,
}

/// Returns the link with the largest share of the total change, if its share is at least half,
/// measured in logarithms. The total must be far from 1.
fn dominant(links: Vec<Link>, total: f64) -> Option<Link> {
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
        let reason =
            format!("activations grow by a factor of {total:.1e} from the input to `{name}`");
        net.forward(Verdict::Exploding, place, reference, size, &reason)
    })
}

fn activations_that_vanish(
    input_spread: Option<f64>,
    net: &Net<'_>,
    thresholds: &Thresholds,
    reported: &[usize],
) -> Option<Finding> {
    let size = |i: usize| net.layers[i].spread;
    let first = net.places().next().map(size);
    let reference = input_spread.or(first).filter(|&spread| spread > 0.0)?;
    let place = net.places().min_by(|&a, &b| size(a).total_cmp(&size(b)))?;
    let total = size(place) / reference;
    // If dead or saturated units let nothing through, they are the finding.
    let explained = reported.iter().any(|&i| i <= place);
    (total * thresholds.factor < 1.0 && !explained).then(|| {
        let name = net.layers[place].name();
        let reason =
            format!("differences between samples shrink to {total:.1e} from the input to `{name}`");
        net.forward(Verdict::Vanishing, place, reference, size, &reason)
    })
}

/// Finds hidden layers with dead units or saturated activations. A layer is hidden if others take
/// its result.
fn units(report: &Report, thresholds: &Thresholds) -> Vec<(usize, Finding)> {
    let mut found = Vec::new();
    for (i, layer) in report.layers.iter().enumerate() {
        if !report.layers.iter().any(|other| other.inputs.contains(&i)) {
            continue; // The model's output may well be a confident sigmoid.
        }
        let (dead, saturated) = (layer.dead.unwrap_or(0.0), layer.saturated.unwrap_or(0.0));
        let attends = layer.largest_weight.is_some();
        let recurs = layer.per_step.is_some() || layer.kinds.contains(&OpKind::Recurrence);
        let (limit, what, remedy) = if attends {
            (
                thresholds.one_hot,
                "queries have a weight near 1: the",
                ATTENTION,
            )
        } else if recurs {
            (thresholds.gates, "gates have a", GATES)
        } else {
            (thresholds.saturated, "activations have a", SATURATED)
        };
        if dead >= thresholds.dead {
            let units = layer.channels.map_or("units", |_| "channels");
            let reason = format!("{:.0}% of its {units} are 0 for every sample", 100.0 * dead);
            found.push((i, finding(Verdict::Dead, layer, dead, reason, DEAD)));
        } else if saturated >= limit {
            let (share, below) = (100.0 * saturated, thresholds.derivative);
            let reason = format!("{share:.0}% of its {what} derivative below {below}");
            let found_here = finding(Verdict::Saturated, layer, saturated, reason, remedy);
            found.push((i, found_here));
        }
    }
    found
}

/// Finds recurrent layers in which the gradient explodes or vanishes on its way back through time.
fn through_time(
    report: &Report,
    thresholds: &Thresholds,
    reported: &[usize],
) -> (Vec<Finding>, Vec<Finding>) {
    let (mut exploding, mut vanishing) = (Vec::new(), Vec::new());
    for (i, layer) in report.layers.iter().enumerate() {
        let (Some(total), Some(per_step)) = (layer.through_time, layer.per_step) else {
            continue;
        };
        let by = format!("by a factor of about {per_step:.2} per step");
        if total > thresholds.factor {
            let reason =
                format!("back to the first step the gradient grows {total:.1e} times, {by}");
            let verdict = Verdict::Exploding;
            exploding.push(finding(verdict, layer, total, reason, EXPLODING_STEPS));
        } else if total * thresholds.factor < 1.0 && !reported.contains(&i) {
            let reason = format!(
                "back to the first step the gradient shrinks to {total:.1e} of its size, {by}"
            );
            vanishing.push(finding(
                Verdict::Vanishing,
                layer,
                total,
                reason,
                FORGETTING,
            ));
        }
    }
    (exploding, vanishing)
}

/// The ratio of the gradient at one layer to that at a layer above it.
struct Extreme {
    total: f64,
    bottom: usize,
    top: usize,
}

/// Compares the gradient at each layer with the smallest and the largest gradient above it. Returns
/// what explodes and what vanishes.
fn gradients(
    net: &Net<'_>,
    thresholds: &Thresholds,
    reported: &[usize],
) -> (Option<Finding>, Option<Finding>) {
    let size = |i: usize| net.gradient(i).unwrap_or(0.0);
    let mut largest: Vec<usize> = (0..net.layers.len()).collect();
    let mut smallest = largest.clone();
    let (mut vanishing, mut exploding): (Option<Extreme>, Option<Extreme>) = (None, None);
    for bottom in net.places().rev() {
        let Some(above) = net.above(bottom) else {
            continue; // The top layer, or a branch that the loss does not use.
        };
        if net.gradient(bottom).is_none() {
            let reason = "no gradient reaches this layer, although one reaches the layer after it";
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
    let exploding = exploding.and_then(|found| net.backward(Verdict::Exploding, &found, reported));
    let vanishing = vanishing.and_then(|found| net.backward(Verdict::Vanishing, &found, reported));
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
    /// Returns the layer's path, and the number of the use.
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
            "value": self.value,
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
