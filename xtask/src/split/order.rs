//! The order of functions in a module: like beside like, so that a compressor finds what it has seen a moment ago.
//!
//! Each function is sketched by the smallest hashes of its runs of bytes, as in Broder, "On the resemblance and containment
//! of documents", 1997. From the largest on, the next is always the one with the most in common.

/// Hashes in a sketch.
const HASHES: usize = 32;
/// Bytes in a run.
const RUN: usize = 5;

type Sketch = [u32; HASHES];

/// The indices of `bodies` in their new order.
pub fn alike(bodies: &[&[u8]]) -> Vec<usize> {
    let sketches: Vec<Sketch> = bodies.iter().map(|body| sketch(body)).collect();
    let mut left: Vec<usize> = (0..bodies.len()).collect();
    left.sort_by_key(|index| std::cmp::Reverse(bodies[*index].len()));
    let mut order: Vec<usize> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let in_common =
            |index: usize| order.last().map_or(0, |last| common(&sketches[*last], &sketches[index]));
        // Of those that are equally alike the largest, which comes first.
        let best = (0..left.len()).rev().max_by_key(|at| in_common(left[*at])).expect("some are left");
        order.push(left.remove(best));
    }
    order
}

fn common(one: &Sketch, other: &Sketch) -> usize {
    one.iter().zip(other).filter(|(one, other)| one == other).count()
}

fn sketch(body: &[u8]) -> Sketch {
    let mut smallest = [u32::MAX; HASHES];
    for run in body.windows(RUN) {
        // FNV-1a, and of its value as many other hashes as are needed.
        let hash = run
            .iter()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        for (seed, smallest) in (0_u32..).zip(&mut smallest) {
            let mixed = (hash ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
            *smallest = (*smallest).min(mixed ^ mixed >> 15);
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_resemble_each_other_become_neighbours() {
        let (letters, digits): (Vec<u8>, Vec<u8>) = ((b'a'..=b'z').collect(), (0..30).collect());
        let bodies = [&letters[..], &digits, &letters[1..], &digits[2..]];
        assert_eq!(alike(&bodies), [1, 3, 0, 2]);
    }
}
