"""The trainer of the published family: latent diffusion over mel latents with diffusers' UNet."""
