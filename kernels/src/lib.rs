//! The CPU kernels: loops over slices that know neither graphs nor layers, from a picture's bytes to a step downhill. Shapes,
//! windows and random numbers are here as well, because the loops are written with them.
//!
//! A crate of its own for one reason: it is compiled for speed, and everything else in the page for size, because a
//! loop of a network runs millions of times and the rest once for each click.

pub mod activation;
mod blocks;
pub mod columns;
pub mod conv;
pub mod cores;
pub mod depthwise;
pub mod descent;
pub mod elementwise;
pub mod epilogue;
pub mod gemm;
pub mod image;
pub mod linear;
pub mod loss;
pub mod lrn;
pub mod norm;
mod padding;
pub mod perceptron;
pub mod pool;
pub mod random;
pub mod rounded;
pub mod shape;
pub mod simd;
pub mod softmax;
mod taps;
mod tile;
pub mod turned;
mod vector;
pub mod wide;
pub mod winograd;
mod winograd_gradient;
mod winograd_tiles;
mod winograd_transform;
