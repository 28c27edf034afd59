//! The graphics device: asking for one, what it is called, what it allows, and how it says that something is wrong.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::oneshot;

use crate::exec::ExecError;
use crate::ops::kernel::Limits;

/// What to tell a person about the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    pub name: String,
    /// Whether the "device" is a program on the CPU, slower than the CPU backend.
    pub software: bool,
}

/// A device with its queue and its errors.
pub struct Device {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub adapter: Adapter,
    pub limits: Limits,
    pub buffer_bytes: u64,
    errors: Arc<Errors>,
}

/// What the device reported outside of any error scope.
#[derive(Default)]
struct Errors {
    lost: Mutex<Option<String>>,
    first: Mutex<Option<String>>,
    /// Told when the device is lost.
    listeners: Mutex<Vec<oneshot::Sender<String>>>,
}

impl Device {
    /// The best adapter there is, with the largest buffers it allows.
    ///
    /// Fails if there is no adapter or it gives no device.
    pub async fn request() -> Result<Self, ExecError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let found = instance.request_adapter(&options).await;
        let adapter = found.map_err(|error| ExecError::NoAdapter(error.to_string()))?;
        let offered = adapter.limits();
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("headstart"),
            required_limits: wgpu::Limits {
                max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
                max_buffer_size: offered.max_buffer_size,
                ..wgpu::Limits::defaults()
            },
            ..Default::default()
        };
        let (device, queue) = adapter
            .request_device(&descriptor)
            .await
            .map_err(|error| ExecError::Device { what: "a device".into(), reason: error.to_string() })?;

        let errors = Arc::new(Errors::default());
        device.set_device_lost_callback({
            let errors = errors.clone();
            move |_, message| errors.lose(message)
        });
        device.on_uncaptured_error({
            let errors = errors.clone();
            Arc::new(move |error: wgpu::Error| {
                lock(&errors.first).get_or_insert_with(|| error.to_string());
            })
        });
        let granted = device.limits();
        let limits = Limits {
            binding_bytes: granted.max_storage_buffer_binding_size,
            workgroups: granted.max_compute_workgroups_per_dimension,
            workgroup_bytes: granted.max_compute_workgroup_storage_size,
            invocations: granted.max_compute_invocations_per_workgroup,
        };
        let adapter = describe(&adapter.get_info(), &device);
        Ok(Self { device, queue, adapter, limits, buffer_bytes: granted.max_buffer_size, errors })
    }

    /// A buffer of so many bytes, rounded up to what shaders and copies need, for the node of that name.
    pub fn buffer(
        &self,
        node: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, ExecError> {
        let size = bytes.next_multiple_of(16).max(16);
        let limit = self.limits.binding_bytes.min(self.buffer_bytes);
        if size > limit {
            return Err(ExecError::TooLarge { node: node.into(), bytes, limit });
        }
        let label = Some(node);
        Ok(self.device.create_buffer(&wgpu::BufferDescriptor {
            label,
            size,
            usage,
            mapped_at_creation: false,
        }))
    }

    /// Runs `build` and waits until the device has accepted or refused what it made; `what` names it in the error.
    pub async fn checked<T>(&self, what: &str, build: impl FnOnce() -> T) -> Result<T, ExecError> {
        self.check()?;
        let filters =
            [wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Internal];
        let scopes = filters.map(|filter| self.device.push_error_scope(filter));
        let made = build();
        // Scopes are a stack, and all of them end here, before anything is awaited.
        let answers: Vec<_> = scopes.into_iter().rev().map(|scope| scope.pop()).collect();
        let mut refused = None;
        for answer in answers {
            refused = refused.or(answer.await);
        }
        self.check()?;
        match refused {
            None => Ok(made),
            Some(error) => Err(ExecError::Device { what: what.into(), reason: error.to_string() }),
        }
    }

    /// Fails once the device is lost, and for an error that no scope has caught.
    pub fn check(&self) -> Result<(), ExecError> {
        if let Some(message) = lock(&self.errors.lost).clone() {
            return Err(ExecError::DeviceLost(message));
        }
        match lock(&self.errors.first).take() {
            None => Ok(()),
            Some(reason) => Err(ExecError::Device { what: "a step of the network".into(), reason }),
        }
    }

    pub fn is_lost(&self) -> bool {
        lock(&self.errors.lost).is_some()
    }

    /// Resolves with the reason when the device is lost; never, if it is not.
    pub fn lost(&self) -> impl Future<Output = String> + 'static {
        let (sender, receiver) = oneshot::channel();
        let lost = lock(&self.errors.lost).clone();
        match lost {
            Some(message) => drop(sender.send(message)),
            None => lock(&self.errors.listeners).push(sender),
        }
        async move {
            match receiver.await {
                Ok(message) => message,
                Err(oneshot::Canceled) => std::future::pending().await,
            }
        }
    }

    /// Gives the device up, as if it had been lost.
    pub fn destroy(&self) {
        self.device.destroy();
        // Where nobody polls the device, nobody else would say so.
        self.errors.lose("it was destroyed".into());
    }

    /// Waits until everything submitted is done.
    pub async fn idle(&self) -> Result<(), ExecError> {
        let (sender, receiver) = oneshot::channel();
        self.queue.on_submitted_work_done(move || {
            let _ = sender.send(());
        });
        self.poll()?;
        let done = receiver.await;
        self.check()?;
        done.map_err(|_| ExecError::DeviceLost("it stopped answering".into()))
    }

    /// Copies the first `bytes` of a mappable buffer out as numbers, once the device is done with it.
    pub async fn read(&self, staging: &wgpu::Buffer, bytes: u64) -> Result<Vec<f32>, ExecError> {
        let (sender, receiver) = oneshot::channel();
        staging.map_async(wgpu::MapMode::Read, ..bytes, move |result| drop(sender.send(result)));
        self.poll()?;
        let mapped = receiver.await;
        self.check()?;
        // Nothing else keeps a valid buffer from being read.
        let lost = |reason: String| ExecError::DeviceLost(reason);
        mapped.map_err(|_| lost("it stopped answering".into()))?.map_err(|error| lost(error.to_string()))?;
        let view = staging.get_mapped_range(..bytes).map_err(|error| lost(error.to_string()))?;
        // The bytes need not be aligned for numbers.
        let values = bytemuck::pod_collect_to_vec(&view);
        drop(view);
        staging.unmap();
        Ok(values)
    }

    /// Natively, waits for the device and runs its callbacks; in a browser they come by themselves.
    fn poll(&self) -> Result<(), ExecError> {
        match self.device.poll(wgpu::PollType::wait_indefinitely()) {
            Ok(_) => Ok(()),
            Err(error) => {
                self.check()?;
                Err(ExecError::Device { what: "waiting for a result".into(), reason: error.to_string() })
            }
        }
    }
}

impl Errors {
    fn lose(&self, message: String) {
        let message = if message.is_empty() { "the browser gives no reason".into() } else { message };
        lock(&self.lost).get_or_insert_with(|| message.clone());
        for listener in lock(&self.listeners).drain(..) {
            // Who no longer listens need not be told.
            drop(listener.send(message.clone()));
        }
    }
}

/// Nothing that holds these locks can panic half way.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(not(target_arch = "wasm32"))]
fn describe(info: &wgpu::AdapterInfo, _device: &wgpu::Device) -> Adapter {
    Adapter { name: info.name.clone(), software: info.device_type == wgpu::DeviceType::Cpu }
}

/// Browsers split the name into words, some of them empty, of which wgpu passes on one.
#[cfg(target_arch = "wasm32")]
fn describe(info: &wgpu::AdapterInfo, device: &wgpu::Device) -> Adapter {
    use js_sys::Reflect;
    use wasm_bindgen::JsValue;
    let words = device.as_webgpu().map(|device| {
        let of = |object: &JsValue, key: &str| Reflect::get(object, &key.into()).unwrap_or_default();
        let info = of(device.as_ref(), "adapterInfo");
        let word = |key: &str| of(&info, key).as_string().filter(|word| !word.is_empty());
        let described = word("description").map(|word| vec![word]);
        described
            .unwrap_or_else(|| ["vendor", "architecture", "device"].into_iter().filter_map(word).collect())
    });
    let name =
        words.filter(|words| !words.is_empty()).map_or_else(|| info.name.clone(), |words| words.join(" "));
    let name = if name.is_empty() { "a graphics device without a name".into() } else { name };
    // Firefox and Safari do not say whether an adapter is software, but its name does.
    let named =
        ["swiftshader", "llvmpipe", "basic render"].iter().any(|n| name.to_ascii_lowercase().contains(n));
    Adapter { software: named || info.device_type == wgpu::DeviceType::Cpu, name }
}
