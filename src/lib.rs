//! Headstart: a transfer-learning playground that runs entirely in a browser tab. This page is the guided tour, in
//! the order in which a picture travels.
//!
//! 1. A picture from a camera or a file arrives as RGBA bytes. [`image`] resizes, crops and normalises it as the
//!    network was trained to expect: an [`image::InputSpec`] is data of the network.
//! 2. [`models`] has the networks, one family a file, written with the builder in [`net`] so that they read like the
//!    tables of their papers.
//! 3. What comes out is a [`graph`]: nodes with dotted names and shapes, parameters with torchvision's names. It can be
//!    cut in two ([`graph::Graph::split`]), and that cut is what transfer learning is made of: frozen before it, trained
//!    after it. [`analysis`] reads off what a graph costs.
//! 4. Each node is one of the [`ops`]. A layer's file has its shape rule, its parameters, its definition as plain loops,
//!    its gradient, its kernels and the cases every backend is held against. [`gradient`] continues a graph into its
//!    own backward pass.
//! 5. [`weights`] finds the values of the parameters: in a checkpoint, folded from a convolution and its batch norm, or
//!    initialised from a seed. What does not fit is reported all at once.
//! 6. [`plan`] turns a graph into fewer, larger steps over a handful of reused buffers: pure data, no device.
//! 7. [`exec`] runs a plan, on WebGPU with the kernels in `shaders/`, or on the CPU with SIMD.
//! 8. [`network`] holds a loaded network and the plans prepared for it: features, logits, a look at any layer.
//! 9. [`transfer`] trains a small head on the features of the examples shown, and says how well it does; [`train`] trains
//!    everything after any cut, and [`finetune`] does so on the examples shown. Natively, `recipe` follows a whole run
//!    as text says, on the pictures of [`data`], changed by [`augment`].
//! 10. `web` hands all of it to JavaScript as one class, `Engine`; [`describe`] is what a page shows of a network.

pub use headstart_kernels::{image, random, shape};

pub mod analysis;
pub mod augment;
pub mod data;
pub mod describe;
pub mod exec;
pub mod finetune;
pub mod gradient;
pub mod graph;
pub mod models;
pub mod net;
pub mod network;
pub mod ops;
pub mod plan;
#[cfg(feature = "cli")]
pub mod recipe;
pub mod schedule;
pub mod table;
pub mod tensor;
pub mod train;
pub mod transfer;
#[cfg(target_arch = "wasm32")]
pub mod web;
pub mod weights;
