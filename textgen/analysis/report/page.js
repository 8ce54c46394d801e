"use strict";

// One point of the training at a time, chosen with a slider. Without a script all are shown.
for (const box of document.querySelectorAll("[data-moments]")) {
  const moments = [...box.querySelectorAll(".moment")];
  const control = box.querySelector(".control");
  const slider = control.querySelector("input");
  const label = control.querySelector("output");
  const show = () => {
    moments.forEach((moment, place) => { moment.hidden = place !== Number(slider.value); });
    label.textContent = moments[Number(slider.value)].dataset.name;
  };
  control.hidden = moments.length < 2;
  slider.addEventListener("input", show);
  show();
}

const parseElement = (id) => {
  const element = document.getElementById(id);
  return element && JSON.parse(element.textContent);
};

const element = (name, text, parent) => {
  const child = document.createElement(name);
  child.textContent = text;
  parent.append(child);
  return child;
};

// What the model expected, next to the character or subword that is pointed at.
const alternatives = parseElement("alternatives");
if (alternatives) {
  const text = document.getElementById("surprises");
  const tip = document.getElementById("expected");
  const characters = [...text.children];
  const hasSubwords = "subwords" in text.dataset;  // then each child is a subword
  let chosen = -1;

  const hide = () => {
    characters[chosen]?.classList.remove("chosen");
    tip.hidden = true;
  };

  const choose = (place) => {
    hide();
    chosen = Math.max(0, Math.min(characters.length - 1, place));
    const character = characters[chosen];
    const [name, bits, rank, ...likeliest] = alternatives[chosen];
    const length = [...character.textContent].length;
    character.classList.add("chosen");
    tip.replaceChildren();
    if (bits === null) {
      element("div", `${name}: the first ${hasSubwords ? "token" : "character"}, so nothing predicts it`, tip);
    } else {
      element("b", name, tip);
      const probability = hasSubwords ? `${(100 * 2 ** -bits).toFixed(1)} %, ` : "";
      const each = hasSubwords && length > 1 ? ` (${(bits / length).toFixed(2)} a character)` : "";
      element("span", ` ${probability}${bits.toFixed(2)} bits${each}, rank ${rank}`, tip);
      const table = element("table", "", tip);
      for (const [expected, share] of likeliest) {
        const row = element("tr", "", table);
        element("code", expected, element("td", "", row));
        element("td", `${(100 * share).toFixed(1)} %`, row);
      }
    }
    tip.hidden = false;
    put();
  };

  const put = () => {
    if (tip.hidden) return;
    const at = characters[chosen].getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const below = at.bottom + 8 + size.height < window.innerHeight;
    tip.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - size.width - 8))}px`;
    tip.style.top = `${below ? at.bottom + 8 : Math.max(8, at.top - size.height - 8)}px`;
  };

  const pointed = (event) => {
    const place = characters.indexOf(event.target.closest("span"));
    if (place >= 0) choose(place);
  };
  text.addEventListener("pointerover", pointed);
  text.addEventListener("click", pointed);
  text.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hide(); });
  text.addEventListener("blur", hide);
  text.addEventListener("scroll", put, { passive: true });
  document.addEventListener("scroll", put, { passive: true });
  text.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      event.preventDefault();
      choose(chosen + step);
      characters[chosen].scrollIntoView({ block: "nearest" });
      put();
    } else if (event.key === "Escape") {
      hide();
    }
  });
}

// A text coloured by one unit's activations.
const activations = parseElement("activation-data");
if (activations) {
  const text = document.getElementById("activations");
  const layer = document.getElementById("layer");
  const unit = document.getElementById("unit");
  const description = document.getElementById("tracks");
  const buttons = [...document.querySelectorAll("[data-unit]")];
  const length = activations.text.length;
  const layers = activations.layers.map(({ data }) =>
    Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
  for (const character of activations.text) {
    const span = element("span", character, text);
    if (character === "\n") span.className = "end";
  }
  const characters = [...text.children];

  const show = () => {
    const { tracks } = activations.layers[Number(layer.value)];
    const units = tracks.length;
    unit.max = units - 1;
    const number = Math.max(0, Math.min(units - 1, Math.floor(Number(unit.value)) || 0));
    const name = `${layer.value}.${number}`;
    const values = layers[Number(layer.value)].subarray(number * length, (number + 1) * length);
    characters.forEach((character, place) => {
      const value = values[place] / 127 - 1;
      const colour = value > 0 ? "--plus" : "--minus";
      character.style.background = `rgba(var(${colour}), ${(0.6 * Math.abs(value)).toFixed(2)})`;
      character.title = value.toFixed(2);
    });
    const [property, correlation] = tracks[number];
    description.textContent = correlation
      ? `tracks “${property}” best: r ${correlation > 0 ? "+" : "−"}${Math.abs(correlation).toFixed(2)}`
      : "never changes on this text";
    for (const button of buttons) button.setAttribute("aria-pressed", button.dataset.unit === name);
  };

  layer.addEventListener("change", show);
  unit.addEventListener("input", show);
  for (const button of buttons) {
    button.addEventListener("click", () => {
      [layer.value, unit.value] = button.dataset.unit.split(".");
      show();
    });
  }
  if (buttons.length) buttons[0].click(); else show();
}
