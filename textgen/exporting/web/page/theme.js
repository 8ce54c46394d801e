// The light and the dark theme. This runs before the page is drawn.
{
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = localStorage.getItem("textgen-theme");
  } catch {
    // Some browsers keep nothing for files: then the system's theme counts.
  }
  const apply = () => {
    root.dataset.theme = chosen ?? (prefersDark.matches ? "dark" : "light");
    document.getElementById("theme")?.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
  };
  prefersDark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", () => {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      apply();
      try {
        localStorage.setItem("textgen-theme", chosen);
      } catch {
        // As above.
      }
    });
  });
  apply();
}
