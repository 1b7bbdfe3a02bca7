"""A market in the browser, by Mesa's own view: needs Mesa's extra ``viz``.

pip install "mesa[viz]" && solara run examples/browser.py
"""

from mesa.visualization import Slider, SolaraViz, make_plot_component

from moatlab import Market

#: What a market is made of when Reset is pressed: fixed values, and sliders for a seed and for parameters by address.
PARAMETERS = {
    "scenario": "essay-2023",
    "rng": Slider("Seed", value=1, min=1, max=50, step=1, dtype=int),
    "users.crowding": Slider("users.crowding", value=0.3, min=0.0, max=1.0, step=0.1),
}

#: Any metric with a two-part address can be plotted: `moatlab explain market` lists them.
page = SolaraViz(
    Market("essay-2023", rng=1),
    components=[
        make_plot_component(["market.rent", "market.scarcity_rent"]),
        make_plot_component(["apps.hhi", "labs.hhi", "clouds.hhi", "chipmakers.hhi"]),
    ],
    model_params=PARAMETERS,
    name="moatlab",
)
