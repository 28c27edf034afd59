//! The parameters of one program: shared with the other programs of the network, or its own where training changes
//! them, in every order in which its kernels read them.

use std::sync::Arc;

use super::kernel::Packing;
use crate::tensor::Tensor;

/// Values of a parameter in the order in which a kernel reads them, shared by all programs of a network.
pub type Values = Arc<Vec<f32>>;

/// Where a program holds the values of a parameter in one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

#[derive(Debug, Default)]
pub struct Held {
    values: Vec<Value>,
}

#[derive(Debug)]
enum Value {
    Shared(Values),
    /// A trained parameter as checkpoints have it.
    Own(Tensor<f32>),
    /// A trained parameter in another order, made anew after every step.
    Packed {
        own: Place,
        packing: Packing,
        values: Vec<f32>,
    },
}

impl Held {
    pub fn share(&mut self, values: Values) -> Place {
        self.push(Value::Shared(values))
    }

    pub fn own(&mut self, values: Tensor<f32>) -> Place {
        self.push(Value::Own(values))
    }

    /// A trained parameter in the order of that packing.
    pub fn packed(&mut self, own: Place, packing: Packing) -> Place {
        if packing == Packing::AS_IS {
            return own;
        }
        let same = |value: &Value| matches!(value, Value::Packed { own: o, packing: p, .. } if *o == own && *p == packing);
        if let Some(at) = self.values.iter().position(same) {
            return Place(at);
        }
        let values = packing.apply(self.tensor(own).clone());
        self.push(Value::Packed { own, packing, values })
    }

    pub fn get(&self, place: Place) -> &[f32] {
        match &self.values[place.0] {
            Value::Shared(values) => values,
            Value::Own(tensor) => &tensor.data,
            Value::Packed { values, .. } => values,
        }
    }

    /// The values of a trained parameter, to be changed; [`Held::repack`] follows.
    ///
    /// # Panics
    /// If the parameter is shared.
    pub fn change(&mut self, own: Place) -> &mut [f32] {
        match &mut self.values[own.0] {
            Value::Own(tensor) => &mut tensor.data,
            other => panic!("{other:?} is not this program's own"),
        }
    }

    /// Makes the other orders of all trained parameters anew.
    pub fn repack(&mut self) {
        for at in 0..self.values.len() {
            let Value::Packed { own, packing, .. } = self.values[at] else { continue };
            let fresh = packing.apply(self.tensor(own).clone());
            if let Value::Packed { values, .. } = &mut self.values[at] {
                *values = fresh;
            }
        }
    }

    fn tensor(&self, own: Place) -> &Tensor<f32> {
        match &self.values[own.0] {
            Value::Own(tensor) => tensor,
            other => panic!("{other:?} is not this program's own"),
        }
    }

    fn push(&mut self, value: Value) -> Place {
        self.values.push(value);
        Place(self.values.len() - 1)
    }
}
