"""What the backends of Keras 3 have in common: precision and compilation."""

from models.backends.base import Backend

# The policy of Keras for what is kept and multiplied, and what becomes of products of float32:
# "tf32" allows TF32 where the card has it, "ieee" does not, None leaves what the framework ships.
PRECISIONS = {
    "tf32": ("float32", "tf32"),
    "float32": ("float32", "ieee"),
    "mixed_bfloat16": ("mixed_bfloat16", "tf32"),
    "mixed_float16": ("mixed_float16", "tf32"),
    "framework": ("float32", None),
}


class Keras3Backend(Backend):
    """A backend of Keras 3 on one device."""

    compute_dtype = "float32"

    def set_precision(self, keras, precision):
        policy, products = PRECISIONS[precision]
        keras.config.set_dtype_policy(policy)
        self._policy = keras.config.dtype_policy()
        self.compute_dtype = self._policy.compute_dtype
        if products is not None:
            self.multiply_in(products)

    def precision_seen(self):
        return {
            "dtype": self._policy.name,
            "compute_dtype": self._policy.compute_dtype,
            "variable_dtype": self._policy.variable_dtype,
            "float32_products": self.float32_products(),
        }

    def multiply_in(self, products):
        """Set how products of float32 are computed: "tf32" where the card has it, or "ieee"."""
        raise NotImplementedError

    def float32_products(self):
        """Return the framework's own word for how it computes products of float32."""
        raise NotImplementedError

    def jit_compile(self, jit):
        """Return whether Keras shall compile a model's steps: ``jit`` "on", "off" or "auto".

        Raises ``Unsupported`` where compiling is asked for and cannot be done here.
        """
        return self.compiles_by_itself() if jit == "auto" else jit == "on"

    def compiles_by_itself(self):
        """Return whether steps are compiled as the backend is used under Keras 3."""
        raise NotImplementedError
