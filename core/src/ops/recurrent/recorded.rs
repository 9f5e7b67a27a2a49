//! The same computation as recorded tensor operations, whose gradients can be differentiated again.

use super::layer::{Call, RecurrentCell, Steps};
use crate::autograd::{Backward, Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::tensor::{Indices, Mask};
use smallvec::smallvec;

/// The identity, recorded. The partial derivatives with respect to the operands of an operation
/// are those with respect to such copies: one operand may depend on another.
struct Copied;

impl Op for Copied {
    fn name(&self) -> &'static str {
        "copied"
    }
    fn kind(&self) -> OpKind {
        OpKind::Shape
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(cotangent)])
    }
}

/// Computes the cotangents of a call's operands from recorded operations.
pub(super) fn recorded(call: &Call, cotangent: &Tensor, context: &Vjp) -> Result<Cotangents> {
    let copies = call.operands.each_ref().map(|operand| {
        let operand = context.saved(operand.as_ref()?);
        Some(Tensor::from_op(operand.detach(), &[&operand], || Copied))
    });
    let output = unrolled(call, &copies)?;
    let wanted = |operand: &usize| context.wants(*operand);
    let places: Vec<usize> = (0..copies.len()).filter(wanted).collect();
    let inputs: Vec<&Tensor> = places.iter().filter_map(|&i| copies[i].as_ref()).collect();
    let found = Backward::new()
        .create_graph()
        .grad_or_none(&output, cotangent, &inputs)?;
    let mut cotangents: Cotangents = smallvec![None; copies.len()];
    for (place, found) in places.into_iter().zip(found) {
        cotangents[place] = found;
    }
    Ok(cotangents)
}

/// Computes the call from operations on tensors.
fn unrolled(call: &Call, operands: &[Option<Tensor>; 7]) -> Result<Tensor> {
    let [
        Some(x),
        Some(weight_ih),
        Some(weight_hh),
        bias_ih,
        bias_hh,
        h,
        c,
    ] = operands
    else {
        unreachable!("the input and the weights exist")
    };
    let (time, batch, hidden) = (x.shape()[0], x.shape()[1], weight_hh.shape()[1]);
    let start = |state: &Option<Tensor>| match state {
        Some(state) => Ok(state.clone()),
        None => Tensor::zeros([batch, hidden], x.dtype()),
    };
    let gate = |x: &Tensor, number: usize| x.narrow(1, number * hidden, hidden);
    let (mut h, mut c) = (start(h)?, start(c)?);
    let inputs = steps(&x.linear(weight_ih, bias_ih.as_ref())?)?;
    let (mut states, mut cells) = (Vec::with_capacity(time), Vec::new());
    for (step, input) in inputs.iter().enumerate() {
        let product = h.linear(weight_hh, bias_hh.as_ref())?;
        h = match call.cell {
            RecurrentCell::Lstm => {
                let gates = input.add(&product)?;
                let (i, f) = (gate(&gates, 0)?, gate(&gates, 1)?);
                let (g, o) = (gate(&gates, 2)?, gate(&gates, 3)?);
                c = f.sigmoid().mul(&c)?.add(&i.sigmoid().mul(&g.tanh())?)?;
                o.sigmoid().mul(&c.tanh())?
            }
            RecurrentCell::Gru => {
                let both = |number| gate(input, number)?.add(&gate(&product, number)?);
                let (r, z) = (both(0)?.sigmoid(), both(1)?.sigmoid());
                let n = gate(input, 2)?.add(&r.mul(&gate(&product, 2)?)?)?.tanh();
                n.add(&z.mul(&h.sub(&n)?)?)?
            }
            RecurrentCell::RnnTanh => input.add(&product)?.tanh(),
            RecurrentCell::RnnRelu => input.add(&product)?.relu(),
        };
        if let Some(lengths) = &call.lengths {
            let past = lengths.iter().map(|&length| step >= length).collect();
            let past = Mask::from_vec(past, [batch, 1])?;
            h = h.masked_fill(&past, 0.0)?;
            c = c.masked_fill(&past, 0.0)?;
        }
        states.push(h.clone());
        if call.cell == RecurrentCell::Lstm {
            cells.push(c.clone());
        }
    }
    let last = |all: &[Tensor]| -> Result<Tensor> {
        let Some(lengths) = &call.lengths else {
            return all[time - 1].unsqueeze(0);
        };
        let places = lengths.iter().enumerate();
        let places: Vec<usize> = places.map(|(i, length)| (length - 1) * batch + i).collect();
        let rows = Tensor::cat(all, 0)?.index_select(0, &Indices::from(places))?;
        rows.unsqueeze(0)
    };
    let mut parts = Vec::new();
    if call.steps != Steps::Last {
        parts.push(Tensor::stack(&states, 0)?);
    }
    if call.steps != Steps::All {
        parts.push(last(&states)?);
        if call.cell == RecurrentCell::Lstm {
            parts.push(last(&cells)?);
        }
    }
    Tensor::cat(&parts, 0)
}

/// Splits the first axis, which must not be empty, into slices without that axis.
///
/// The gradient of a slice has the size of the tensor that it was cut from. If slices are cut from
/// halves of halves, the gradients of T slices take T log T elements in total. If they were cut
/// from the whole, they would take T².
fn steps(x: &Tensor) -> Result<Vec<Tensor>> {
    let len = x.shape()[0];
    if len == 1 {
        return Ok(vec![x.squeeze(0)?]);
    }
    let half = len / 2;
    let mut slices = steps(&x.narrow(0, 0, half)?)?;
    slices.extend(steps(&x.narrow(0, half, len - half)?)?);
    Ok(slices)
}
