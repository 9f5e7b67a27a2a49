//! The parsed input with all its options.

use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Generics, Ident, Index, Member, Type};

use crate::attr::{self, ContainerOptions, FieldOptions};
use crate::errors::Errors;
use crate::keyword::Place;
use crate::lints;

/// The type that derives.
pub(crate) struct Input {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) options: ContainerOptions,
    /// The `#[allow(…)]` attributes of the impl.
    pub(crate) lints: Vec<Attribute>,
    pub(crate) shape: Shape,
}

/// The fields or variants of the type.
pub(crate) enum Shape {
    Struct(Fields),
    Enum(Vec<Variant>),
}

/// A variant of an enum.
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) fields: Fields,
}

/// The fields of a struct or of a variant.
pub(crate) struct Fields {
    pub(crate) style: Style,
    pub(crate) all: Vec<Field>,
}

/// The syntax of the fields.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    Named,
    Tuple,
    Unit,
}

/// A field of a struct or of a variant.
pub(crate) struct Field {
    pub(crate) index: usize,
    pub(crate) member: Member,
    pub(crate) ty: Type,
    pub(crate) options: FieldOptions,
}

impl Input {
    /// Reads the input. Returns `None` if it cannot be a module.
    pub(crate) fn from_syn(input: DeriveInput, errors: &mut Errors) -> Option<Self> {
        let lints = lints::of(&input);
        let (options, shape) = match input.data {
            Data::Struct(data) => (
                attr::container(&input.attrs, Place::Struct, errors),
                Shape::Struct(Fields::from_syn(data.fields, errors)),
            ),
            Data::Enum(data) => {
                let options = attr::container(&input.attrs, Place::Enum, errors);
                let variants = data.variants.into_iter();
                let variants = variants.map(|variant| Variant::from_syn(variant, errors));
                (options, Shape::Enum(variants.collect()))
            }
            Data::Union(data) => {
                errors.push(
                    data.union_token,
                    "a union cannot be a module, because it is not known which field is in use: \
                     use a struct or an enum",
                );
                return None;
            }
        };
        Some(Self {
            ident: input.ident,
            generics: input.generics,
            options,
            lints,
            shape,
        })
    }

    /// Returns the fields of all variants that are part of the module.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Field> {
        self.fields().filter(|field| field.is_child())
    }

    /// Returns the fields of all variants.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        let (fields, variants) = match &self.shape {
            Shape::Struct(fields) => (Some(fields), [].as_slice()),
            Shape::Enum(variants) => (None, variants.as_slice()),
        };
        let fields = fields
            .into_iter()
            .chain(variants.iter().map(|variant| &variant.fields));
        fields.flat_map(|fields| &fields.all)
    }

    /// Returns the prefix of the paths in a variant, if it has one.
    pub(crate) fn prefix(&self, variant: &Variant) -> Option<String> {
        let asked = self.options.variant_path.is_some();
        asked.then(|| variant.ident.unraw().to_string())
    }
}

impl Variant {
    fn from_syn(variant: syn::Variant, errors: &mut Errors) -> Self {
        attr::variant(&variant.attrs, errors);
        Self {
            ident: variant.ident,
            fields: Fields::from_syn(variant.fields, errors),
        }
    }
}

impl Fields {
    fn from_syn(fields: syn::Fields, errors: &mut Errors) -> Self {
        let style = match &fields {
            syn::Fields::Named(_) => Style::Named,
            syn::Fields::Unnamed(_) => Style::Tuple,
            syn::Fields::Unit => Style::Unit,
        };
        let fields = fields.into_iter().enumerate();
        let all = fields
            .map(|(index, field)| Field::from_syn(index, field, errors))
            .collect();
        Self { style, all }
    }

    /// Returns the fields that are part of the module.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Field> {
        self.all.iter().filter(|field| field.is_child())
    }
}

impl Field {
    fn from_syn(index: usize, field: syn::Field, errors: &mut Errors) -> Self {
        Self {
            index,
            member: match field.ident {
                Some(ident) => Member::Named(ident),
                None => Member::Unnamed(Index::from(index)),
            },
            options: attr::field(&field.attrs, errors),
            ty: field.ty,
        }
    }

    pub(crate) fn is_child(&self) -> bool {
        self.options.skip.is_none()
    }

    /// Returns the name of the field in the source.
    pub(crate) fn name(&self) -> String {
        match &self.member {
            Member::Named(ident) => ident.unraw().to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        }
    }

    /// Returns the path component of the field, or `None` if it has none.
    pub(crate) fn component(&self) -> Option<String> {
        match (&self.options.flatten, &self.options.rename) {
            (Some(_), _) => None,
            (None, Some((_, name))) => Some(name.value()),
            (None, None) => Some(self.name()),
        }
    }

    /// Returns the path of the field, with the prefix of its variant if it has one.
    pub(crate) fn path(&self, prefix: Option<&str>) -> Option<String> {
        match (prefix, self.component()) {
            (Some(prefix), Some(component)) => Some(format!("{prefix}.{component}")),
            (Some(prefix), None) => Some(prefix.to_owned()),
            (None, component) => component,
        }
    }
}
