"""What the explorers are built from: pictures, charts, number grids, controls, stills, words."""
